//! Databases that are made for a benchmark and thrown away, also when it fails or somebody presses Ctrl-C.

use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::{BenchError, Kind, PlaceArgs};
use crate::store::{Store, raw};

/// Two empty databases of one engine: one to bill in, one to find out what the engine itself does.
pub struct Place {
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    /// To bill in.
    pub store: Store,
    /// For the raw rate.
    pub raw: Store,
    server: Option<(String, Vec<String>)>,
    _folder: Option<TempDir>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Place {
    /// Makes them.
    pub async fn make(args: &PlaceArgs) -> Result<Self, BenchError> {
        match (args.store, &args.postgres_url) {
            (Kind::Sqlite, _) => {
                let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
                let folder = tempfile::Builder::new()
                    .prefix("billet-bench-")
                    .tempdir_in(&dir)
                    .map_err(|error| BenchError::Folder(dir, error))?;
                let open = async |name: &str| Store::open(&format!("sqlite:{}", folder.path().join(name).display())).await;
                let (store, raw) = (open("billet.db").await?, open("raw.db").await?);
                Ok(Self { name: "sqlite", store, raw, server: None, _folder: Some(folder) })
            }
            (Kind::Postgres, None) => Err(BenchError::Wrong("no server is named".to_owned())),
            (Kind::Postgres, Some(url)) => {
                let url = url.trim_end_matches('/').to_owned();
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let names = ["billed", "raw"].map(|what| format!("billet_bench_{}_{number}_{what}", std::process::id()));
                let mut made = Vec::new();
                let opened = async {
                    let mut stores = Vec::new();
                    for name in names {
                        raw::create_database(&url, &name).await?;
                        made.push(name.clone());
                        stores.push(Store::open(&format!("{url}/{name}")).await?);
                    }
                    Ok::<_, BenchError>(stores)
                };
                let opened = opened.await.map(|mut stores| (stores.pop(), stores.pop()));
                match opened {
                    Ok((Some(raw), Some(store))) => {
                        Ok(Self { name: "postgres", store, raw, server: Some((url, made)), _folder: None })
                    }
                    Ok(_) => Err(BenchError::Wrong("two databases are needed".to_owned())),
                    Err(error) => {
                        for name in &made {
                            let _ = raw::drop_database(&url, name).await;
                        }
                        Err(error)
                    }
                }
            }
        }
    }

    /// Measures, and throws the databases away in any case.
    pub async fn during<T>(&self, measure: impl Future<Output = Result<T, BenchError>>) -> Result<T, BenchError> {
        let outcome = tokio::select! {
            outcome = measure => outcome,
            _ = tokio::signal::ctrl_c() => Err(BenchError::Interrupted),
        };
        self.store.engine().close().await;
        self.raw.engine().close().await;
        if let Some((url, names)) = &self.server {
            for name in names {
                raw::drop_database(url, name).await?;
            }
        }
        outcome
    }
}
