//! What the host and a plugin's program agree on before the first call. The convention is that of HashiCorp's go-plugin
//! (its `docs/internals.md`): one line on standard output, `core version|protocol version|network|address|transport`.

use std::path::PathBuf;
use std::time::Duration;

/// The environment variable with the token.
pub const TOKEN_ENV: &str = "BILLET_PLUGIN_TOKEN";
/// The metadata key that carries it.
pub const TOKEN_KEY: &str = "billet-plugin-token";
/// How long a program may take until its handshake line.
pub const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// The largest message, either way.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The version of the convention, and of the protocol.
const CORE_VERSION: u32 = 1;
const PROTOCOL_VERSION: u32 = 1;

/// What a plugin's program prints when it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The Unix socket.
    pub socket: PathBuf,
}

impl Handshake {
    /// Reads a handshake line.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let parts: Vec<&str> = line.trim_end().split('|').collect();
        let [core, protocol, network, address, transport] = parts[..] else {
            return Err(format!("expected `1|1|unix|PATH|grpc`, got {} parts", parts.len()));
        };
        if core != CORE_VERSION.to_string() {
            return Err(format!("handshake version `{core}` is not known, only {CORE_VERSION}"));
        }
        if protocol != PROTOCOL_VERSION.to_string() {
            return Err(format!("protocol version `{protocol}` is not known, only {PROTOCOL_VERSION}"));
        }
        if network != "unix" || transport != "grpc" {
            return Err(format!("`{network}` with `{transport}` is not known, only unix with grpc"));
        }
        if !address.starts_with('/') {
            return Err("the socket's path must begin with `/`".to_owned());
        }
        Ok(Self { socket: PathBuf::from(address) })
    }

    /// As a line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{CORE_VERSION}|{PROTOCOL_VERSION}|unix|{}|grpc", self.socket.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_is_read_as_it_was_written() {
        let handshake = Handshake { socket: PathBuf::from("/tmp/x/socket") };
        assert_eq!(Handshake::parse(&handshake.line()), Ok(handshake));
    }

    #[test]
    fn what_is_no_handshake_is_refused_in_words() {
        for (line, words) in [
            ("", "expected"),
            ("hello", "expected"),
            ("2|1|unix|/s|grpc", "handshake version `2`"),
            ("1|9|unix|/s|grpc", "protocol version `9`"),
            ("1|1|tcp|127.0.0.1:1|grpc", "`tcp`"),
            ("1|1|unix|/s|netrpc", "`netrpc`"),
            ("1|1|unix|s|grpc", "begin with"),
        ] {
            let said = Handshake::parse(line).expect_err(line);
            assert!(said.contains(words), "{line}: {said}");
        }
    }
}
