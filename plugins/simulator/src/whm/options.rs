//! How a simulated WHM server is set up.

use std::fmt;
use std::time::Duration;

/// How a simulated WHM server is set up. Start from `WhmOptions::default()`.
#[derive(Clone)]
pub struct WhmOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The server's own name, which stands in name servers and login links.
    pub hostname: String,
    /// The version it reports.
    pub version: String,
    /// The shared address of all accounts.
    pub ip: String,
    /// Packages it starts with, with addpkg's default limits; `default` is always there.
    pub packages: Vec<String>,
    /// More environment for hook scripts. They get nothing else but `PATH` and the simulated time.
    pub hook_env: Vec<(String, String)>,
    /// How long a hook may run before it is killed.
    pub hook_time_max: Duration,
    /// How many accounts the licence permits.
    pub accounts_max: usize,
}

impl Default for WhmOptions {
    fn default() -> Self {
        Self {
            port: 0,
            hostname: "whm.simulator.example".to_owned(),
            version: "11.136.0.22".to_owned(),
            ip: "192.0.2.10".to_owned(),
            packages: Vec::new(),
            hook_env: Vec::new(),
            hook_time_max: Duration::from_secs(10),
            accounts_max: 10_000,
        }
    }
}

/// Without the values of `hook_env`, which may hold a token.
impl fmt::Debug for WhmOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook_env: Vec<&str> = self.hook_env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("WhmOptions")
            .field("port", &self.port)
            .field("hostname", &self.hostname)
            .field("version", &self.version)
            .field("ip", &self.ip)
            .field("packages", &self.packages)
            .field("hook_time_max", &self.hook_time_max)
            .field("accounts_max", &self.accounts_max)
            .field("hook_env", &hook_env)
            .finish()
    }
}
