//! A plugin as a program: `fn main() { billet_plugin::serve(PLUGIN) }`.
//!
//! The convention is that of HashiCorp's go-plugin. The host starts the program with a one-time token in its
//! environment; the program opens a Unix socket that only its own user may use, prints one handshake line
//! `1|1|unix|/path|grpc` on standard output, and takes calls that carry the token. Its log goes to standard error, one
//! line an entry. It ends when the host closes its standard input, or on SIGTERM.

use std::process::ExitCode;
use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use crate::handshake::{Handshake, MESSAGE_BYTES_MAX, TOKEN_ENV, TOKEN_KEY};
use crate::plugin::{Plugin, Served};
use crate::v1::PluginKind;
use crate::v1::channel_service_server::ChannelServiceServer;
use crate::v1::gateway_service_server::GatewayServiceServer;
use crate::v1::panel_service_server::PanelServiceServer;
use crate::v1::plugin_service_server::PluginServiceServer;
use crate::v1::registrar_service_server::RegistrarServiceServer;

/// Serves a plugin to the host that started this program. Started by hand it explains itself and fails.
#[must_use]
pub fn serve(plugin: Plugin) -> ExitCode {
    let Ok(token) = std::env::var(TOKEN_ENV) else {
        let about = (plugin.describe)();
        eprintln!(
            "{} {} ({}) is a plugin of Billet. It is not started by hand: name it in an instance, `billet instance add --help`.",
            about.name, about.version, about.title
        );
        return ExitCode::from(2);
    };
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).without_time().init();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(listen(plugin, token)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

macro_rules! bounded {
    ($server:ident, $served:ident) => {
        $server::from_arc(Arc::clone(&$served))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    };
}

async fn listen(plugin: Plugin, token: String) -> Result<(), Box<dyn std::error::Error>> {
    // A folder of its own with mode 0700: nobody else reaches the socket in it.
    let folder = tempfile::Builder::new().prefix("billet-plugin-").tempdir()?;
    let handshake = Handshake { socket: folder.path().join("socket") };
    let listener = UnixListener::bind(&handshake.socket)?;
    println!("{}", handshake.line());
    let served = Arc::new(Served::new(plugin));
    let check = move |request: Request<()>| {
        let sent = request.metadata().get(TOKEN_KEY).map(tonic::metadata::MetadataValue::as_encoded_bytes);
        if sent == Some(token.as_bytes()) { Ok(request) } else { Err(Status::unauthenticated("the token is wrong")) }
    };
    let router = tonic::transport::Server::builder()
        .add_service(InterceptedService::new(bounded!(PluginServiceServer, served), check.clone()));
    let router = match (plugin.describe)().kind() {
        PluginKind::Registrar => {
            router.add_service(InterceptedService::new(bounded!(RegistrarServiceServer, served), check))
        }
        PluginKind::Gateway => {
            router.add_service(InterceptedService::new(bounded!(GatewayServiceServer, served), check))
        }
        PluginKind::Channel => {
            router.add_service(InterceptedService::new(bounded!(ChannelServiceServer, served), check))
        }
        PluginKind::Panel | PluginKind::Unspecified => {
            router.add_service(InterceptedService::new(bounded!(PanelServiceServer, served), check))
        }
    };
    router.serve_with_incoming_shutdown(UnixListenerStream::new(listener), ended()).await?;
    Ok(())
}

/// Returns when the host has gone (standard input is closed) or asks to stop.
async fn ended() {
    let gone = async {
        let mut input = tokio::io::stdin();
        let mut sink = [0_u8; 64];
        while matches!(input.read(&mut sink).await, Ok(count) if count > 0) {}
    };
    let asked = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! { () = gone => {} () = asked => {} }
}
