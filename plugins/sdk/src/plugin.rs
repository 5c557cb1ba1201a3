//! A plugin as such: what it tells about itself, and how it is set up.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status};

use crate::outcome::{Done, Failure};
use crate::v1::plugin_service_server::PluginService;
use crate::v1::{
    ConfigureRequest, ConfigureResponse, DescribeRequest, DescribeResponse, HealthRequest, HealthResponse, Outcome,
    ProblemKind,
};
use crate::{Channel, Gateway, Panel, Registrar};

/// A plugin: what an adapter's crate exports, for the daemon to link and for [`crate::serve`].
#[derive(Debug, Clone, Copy)]
pub struct Plugin {
    /// What it tells about itself.
    pub describe: fn() -> DescribeResponse,
    /// Sets up one instance. It need not connect.
    ///
    /// # Errors
    /// A refusal ([`ProblemKind::Invalid`]) that says what is wrong with the settings.
    pub configure: fn(&Settings) -> Result<Configured, Failure>,
}

/// An instance that is set up.
#[derive(Clone)]
pub enum Configured {
    /// A control panel.
    Panel(Arc<dyn Panel>),
    /// A registrar.
    Registrar(Arc<dyn Registrar>),
    /// A payment gateway.
    Gateway(Arc<dyn Gateway>),
    /// A channel for documents.
    Channel(Arc<dyn Channel>),
}

/// A kind of plugin, such as `dyn Panel`.
pub trait Kind: Send + Sync + 'static {
    /// The instance as this kind; `None` when it is of another.
    fn of(configured: &Configured) -> Option<Arc<Self>>;
}

macro_rules! kind {
    ($kind:ident) => {
        impl Kind for dyn $kind {
            fn of(configured: &Configured) -> Option<Arc<Self>> {
                match configured {
                    Configured::$kind(plugin) => Some(Arc::clone(plugin)),
                    _ => None,
                }
            }
        }
    };
}
kind!(Panel);
kind!(Registrar);
kind!(Gateway);
kind!(Channel);

impl fmt::Debug for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panel(_) => "Panel",
            Self::Registrar(_) => "Registrar",
            Self::Gateway(_) => "Gateway",
            Self::Channel(_) => "Channel",
        })
    }
}

/// What an operator set for an instance. Its `Debug` shows no secret.
#[derive(Clone, Default)]
pub struct Settings {
    /// `ins_1042`, for logs.
    pub instance: String,
    /// A JSON object, without secrets.
    pub values: serde_json::Map<String, serde_json::Value>,
    /// By the names of their properties.
    pub secrets: BTreeMap<String, String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("instance", &self.instance)
            .field("values", &self.values)
            .field("secrets", &self.secrets.keys().collect::<Vec<_>>())
            .finish()
    }
}

impl Settings {
    /// Settings and secrets as one typed value.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`] that names the property.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let mut object = self.values.clone();
        object.extend(self.secrets.iter().map(|(name, secret)| (name.clone(), secret.clone().into())));
        // The message of a type error may quote the value; a secret's type cannot be wrong, as all of them are strings.
        serde_json::from_value(object.into())
            .map_err(|error| Failure::refused(ProblemKind::Invalid, "", format!("settings: {error}")))
    }
}

/// A plugin that is served to a host: nothing but a description until it is configured.
pub(crate) struct Served {
    plugin: Plugin,
    configured: RwLock<Option<Configured>>,
}

macro_rules! configured {
    ($name:ident, $variant:ident, $kind:ident) => {
        pub(crate) fn $name(&self) -> Result<Arc<dyn $kind>, Status> {
            match &*self.configured.read().unwrap_or_else(PoisonError::into_inner) {
                Some(Configured::$variant(plugin)) => Ok(Arc::clone(plugin)),
                Some(other) => Err(Status::unimplemented(format!("this plugin is a {other:?}"))),
                None => Err(Status::failed_precondition("the plugin is not configured yet")),
            }
        }
    };
}

#[cfg_attr(not(feature = "serve"), allow(dead_code))]
impl Served {
    pub(crate) fn new(plugin: Plugin) -> Self {
        Self { plugin, configured: RwLock::new(None) }
    }

    configured!(panel, Panel, Panel);
    configured!(registrar, Registrar, Registrar);
    configured!(gateway, Gateway, Gateway);
    configured!(channel, Channel, Channel);

    fn set_up(&self, request: ConfigureRequest) -> Result<(), Failure> {
        let values = serde_json::from_str(&request.settings)
            .map_err(|error| Failure::refused(ProblemKind::Invalid, "", format!("settings: {error}")))?;
        let settings = Settings { instance: request.instance, values, secrets: request.secrets };
        let configured = (self.plugin.configure)(&settings)?;
        *self.configured.write().unwrap_or_else(PoisonError::into_inner) = Some(configured);
        Ok(())
    }
}

#[async_trait::async_trait]
impl PluginService for Served {
    async fn describe(&self, _: Request<DescribeRequest>) -> Result<Response<DescribeResponse>, Status> {
        Ok(Response::new((self.plugin.describe)()))
    }

    async fn configure(&self, request: Request<ConfigureRequest>) -> Result<Response<ConfigureResponse>, Status> {
        let outcome = match self.set_up(request.into_inner()) {
            Ok(()) => Outcome::from(&Done::new(())),
            Err(failure) => failure.into(),
        };
        Ok(Response::new(ConfigureResponse { outcome: Some(outcome) }))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        Ok(Response::new(HealthResponse { outcome: Some(Outcome::from(&Done::new(()))) }))
    }
}
