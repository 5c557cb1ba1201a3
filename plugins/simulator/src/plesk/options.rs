//! How a simulated Plesk server is set up.

use std::fmt;
use std::time::Duration;

/// How a simulated Plesk server is set up. Start from `PleskOptions::default()`.
#[derive(Clone)]
pub struct PleskOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The server's own name.
    pub hostname: String,
    /// The version it reports.
    pub version: String,
    /// Its only address, which hosting must name.
    pub ip: String,
    /// Service plans it starts with, without limits; `Default Domain` is always there.
    pub plans: Vec<String>,
    /// Reseller plans it starts with; `Default Reseller` is always there.
    pub reseller_plans: Vec<String>,
    /// More environment for event handlers. They get nothing else but `PATH`, the event's values and the simulated
    /// time.
    pub hook_env: Vec<(String, String)>,
    /// How long a handler may run before it is killed.
    pub handler_time_max: Duration,
    /// How many customers the licence permits.
    pub customers_max: usize,
    /// How many subscriptions the licence permits.
    pub subscriptions_max: usize,
}

impl Default for PleskOptions {
    fn default() -> Self {
        Self {
            port: 0,
            hostname: "plesk.simulator.example".to_owned(),
            version: "18.0.73".to_owned(),
            ip: "192.0.2.20".to_owned(),
            plans: Vec::new(),
            reseller_plans: Vec::new(),
            hook_env: Vec::new(),
            handler_time_max: Duration::from_secs(10),
            customers_max: 10_000,
            subscriptions_max: 10_000,
        }
    }
}

/// Without the values of `hook_env`, which may hold a token.
impl fmt::Debug for PleskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hook_env: Vec<&str> = self.hook_env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("PleskOptions")
            .field("port", &self.port)
            .field("hostname", &self.hostname)
            .field("version", &self.version)
            .field("ip", &self.ip)
            .field("plans", &self.plans)
            .field("reseller_plans", &self.reseller_plans)
            .field("handler_time_max", &self.handler_time_max)
            .field("customers_max", &self.customers_max)
            .field("subscriptions_max", &self.subscriptions_max)
            .field("hook_env", &hook_env)
            .finish()
    }
}
