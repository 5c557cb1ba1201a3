//! The namespaces of EPP and of the extensions that this client speaks.

/// RFC 5730.
pub const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";
/// RFC 5731.
pub const DOMAIN: &str = "urn:ietf:params:xml:ns:domain-1.0";
/// RFC 5732.
pub const HOST: &str = "urn:ietf:params:xml:ns:host-1.0";
/// RFC 5733.
pub const CONTACT: &str = "urn:ietf:params:xml:ns:contact-1.0";
/// RFC 3915: grace periods and restores.
pub const RGP: &str = "urn:ietf:params:xml:ns:rgp-1.0";
/// RFC 5910.
pub const SECDNS: &str = "urn:ietf:params:xml:ns:secDNS-1.1";
/// RFC 8748.
pub const FEE: &str = "urn:ietf:params:xml:ns:epp:fee-1.0";
/// RFC 8590: messages about what the registry changed by itself.
pub const CHANGE_POLL: &str = "urn:ietf:params:xml:ns:changePoll-1.0";
/// Messages about low credit, as Verisign's registries send them.
pub const LOW_BALANCE: &str = "http://www.verisign.com/epp/lowbalance-poll-1.0";

/// The objects that a login announces, where the greeting offers them.
pub const OBJECTS: [&str; 3] = [DOMAIN, CONTACT, HOST];
/// The extensions that a login announces, where the greeting offers them.
pub const EXTENSIONS: [&str; 5] = [SECDNS, RGP, FEE, CHANGE_POLL, LOW_BALANCE];
