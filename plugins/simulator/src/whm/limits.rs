//! What a package or an account may use.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::{Call, Refusal};

/// The limits that count things: the parameter of createacct and addpkg, the name in package and user files, the
/// name in listaccts, and the default of a new package.
const COUNTED: [(&str, &str, &str, Limit); 7] = [
    ("maxpop", "MAXPOP", "maxpop", Limit::Unlimited),
    ("maxftp", "MAXFTP", "maxftp", Limit::Unlimited),
    ("maxsql", "MAXSQL", "maxsql", Limit::Unlimited),
    ("maxsub", "MAXSUB", "maxsub", Limit::Unlimited),
    ("maxlst", "MAXLST", "maxlst", Limit::Unlimited),
    ("maxpark", "MAXPARK", "maxparked", Limit::At(0)),
    ("maxaddon", "MAXADDON", "maxaddons", Limit::At(0)),
];

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// As much as there is.
    Unlimited,
    /// No more than this.
    At(u64),
}

impl Limit {
    fn parse(name: &str, text: &str) -> Result<Self, Refusal> {
        match text {
            "unlimited" | "null" => Ok(Self::Unlimited),
            number => number
                .parse()
                .map(Self::At)
                .map_err(|_| Refusal::exception(format!("“{number}” is not a valid value for “{name}”."))),
        }
    }

    /// For space and bandwidth 0 means unlimited; for things that are counted it means none.
    fn zero_is_unlimited(self) -> Self {
        if self == Self::At(0) { Self::Unlimited } else { self }
    }

    /// A number or `unlimited`, as package files have it.
    fn json(self) -> Value {
        match self {
            Self::Unlimited => json!("unlimited"),
            Self::At(number) => json!(number),
        }
    }

    /// The number, or `none` where there is no limit.
    fn number(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::At(number) => Some(number),
        }
    }
}

/// The limits of a package or an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Disk space in MiB.
    pub quota_mib: Limit,
    /// Bandwidth a month in MiB.
    pub bandwidth_mib: Limit,
    /// Mailboxes, databases and the like by their names in a package file (`MAXPOP`).
    pub counted: BTreeMap<&'static str, Limit>,
}

impl Default for Limits {
    /// The defaults of addpkg: 10 GiB of disk, 1 TiB of bandwidth.
    fn default() -> Self {
        let counted = COUNTED.iter().map(|(_, name, _, default)| (*name, *default)).collect();
        Self { quota_mib: Limit::At(10_240), bandwidth_mib: Limit::At(1_048_576), counted }
    }
}

impl Limits {
    /// Overwrites what createacct or addpkg says: `quota` and `bwlimit` in MiB, `maxpop` and the like.
    pub(super) fn overlay_creation(&mut self, call: &Call) -> Result<(), Refusal> {
        if let Some(text) = call.get("quota") {
            self.quota_mib = Limit::parse("quota", text)?.zero_is_unlimited();
        }
        if let Some(text) = call.get("bwlimit") {
            self.bandwidth_mib = Limit::parse("bwlimit", text)?.zero_is_unlimited();
        }
        self.overlay_counted(call, |(parameter, ..)| parameter)
    }

    /// Overwrites what modifyacct says. Its names are in capitals, and its BWLIMIT is in bytes where createacct's is
    /// in MiB.
    pub(super) fn overlay_modification(&mut self, call: &Call) -> Result<(), Refusal> {
        if let Some(text) = call.get("QUOTA") {
            self.quota_mib = Limit::parse("QUOTA", text)?.zero_is_unlimited();
        }
        if let Some(text) = call.get("BWLIMIT") {
            self.bandwidth_mib = match Limit::parse("BWLIMIT", text)?.zero_is_unlimited() {
                Limit::At(bytes) => Limit::At(bytes.div_ceil(1024 * 1024)),
                Limit::Unlimited => Limit::Unlimited,
            };
        }
        self.overlay_counted(call, |(_, file_name, ..)| file_name)
    }

    fn overlay_counted(
        &mut self,
        call: &Call,
        parameter: impl Fn((&'static str, &'static str, &'static str, Limit)) -> &'static str,
    ) -> Result<(), Refusal> {
        for row in COUNTED {
            let name = parameter(row);
            if let Some(text) = call.get(name) {
                self.counted.insert(row.1, Limit::parse(name, text)?);
            }
        }
        Ok(())
    }

    /// The bandwidth limit in bytes, 0 for none, as showbw has it.
    pub(super) fn bandwidth_bytes(&self) -> u64 {
        self.bandwidth_mib.number().unwrap_or(0).saturating_mul(1024 * 1024)
    }

    /// The disk quota in KiB, null for none, as get_disk_usage has it.
    pub(super) fn quota_kib(&self) -> Option<u64> {
        self.quota_mib.number().map(|mib| mib.saturating_mul(1024))
    }

    /// The disk quota as listaccts has it: `150000M` or `unlimited`.
    pub(super) fn quota_text(&self) -> String {
        self.quota_mib.number().map_or_else(|| "unlimited".to_owned(), |mib| format!("{mib}M"))
    }

    /// The members of a package file.
    pub(super) fn package_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("QUOTA".to_owned(), self.quota_mib.json());
        members.insert("BWLIMIT".to_owned(), self.bandwidth_mib.json());
        members.extend(self.counted.iter().map(|(name, limit)| ((*name).to_owned(), limit.json())));
        members
    }

    /// The members that listaccts and accountsummary show.
    pub(super) fn listing_members(&self) -> Map<String, Value> {
        let shown = COUNTED.iter().filter_map(|(_, file_name, listed, _)| {
            self.counted.get(file_name).map(|limit| ((*listed).to_owned(), limit.json()))
        });
        shown.collect()
    }
}
