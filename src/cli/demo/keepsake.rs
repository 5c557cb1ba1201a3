//! `--out DIR`: what the demonstration made, as files.

use std::path::{Path, PathBuf};

use super::api::{Api, ask};
use super::error::DemoError;
use super::stage::{Stage, documents};
use crate::proto::billet::v1 as pb;

/// How many events are read at once.
const PAGE: i32 = 500;

/// Makes the folder; one that has something in it is not touched.
///
/// # Errors
/// [`DemoError`].
pub fn folder(out: &Path) -> Result<(), DemoError> {
    std::fs::create_dir_all(out).map_err(DemoError::file(out))?;
    let mut entries = std::fs::read_dir(out).map_err(DemoError::file(out))?;
    if entries.next().is_some() {
        let full = std::io::Error::new(std::io::ErrorKind::DirectoryNotEmpty, "there is something in it already");
        return Err(DemoError::file(out)(full));
    }
    Ok(())
}

/// Writes documents and journals, while the daemon runs; answers how many of each.
///
/// # Errors
/// [`DemoError`].
pub async fn write(stage: &Stage, out: &Path) -> Result<(usize, usize), DemoError> {
    let documents = write_documents(stage, out).await?;
    let events = write_events(&stage.owner, &out.join("events.jsonl")).await?;
    Ok((documents, events))
}

async fn write_documents(stage: &Stage, out: &Path) -> Result<usize, DemoError> {
    if !cfg!(feature = "pdf") {
        return Ok(0);
    }
    let folder = out.join("documents");
    std::fs::create_dir_all(&folder).map_err(DemoError::file(&folder))?;
    let mut count = 0;
    for api in [&stage.owner, &stage.grove] {
        for document in documents(api).await? {
            let (name, content) = download(api, document.id).await?;
            let path = folder.join(name);
            std::fs::write(&path, content).map_err(DemoError::file(&path))?;
            count += 1;
        }
    }
    Ok(count)
}

async fn download(api: &Api, id: String) -> Result<(PathBuf, Vec<u8>), DemoError> {
    let refused = |status| DemoError::Refused { method: "DownloadInvoice", status: Box::new(status) };
    let request = pb::DownloadInvoiceRequest { id: id.clone() };
    let mut pieces = ask("DownloadInvoice", api.invoices().download_invoice(request)).await?;
    let (mut name, mut content) = (String::new(), Vec::new());
    while let Some(piece) = pieces.message().await.map_err(refused)? {
        name.push_str(&piece.file_name);
        content.extend(piece.data);
    }
    // Only the name itself, whatever stands in it.
    let name = Path::new(&name).file_name().map_or_else(|| PathBuf::from(format!("{id}.pdf")), PathBuf::from);
    Ok((name, content))
}

/// One JSON object a line, as the journal has them.
async fn write_events(api: &Api, path: &Path) -> Result<usize, DemoError> {
    let (mut lines, mut count, mut page_token) = (String::new(), 0, String::new());
    loop {
        let request = pb::ListEventsRequest { page_size: PAGE, page_token, subject: String::new() };
        let page = ask("ListEvents", api.events().list_events(request)).await?;
        for event in &page.events {
            let data: serde_json::Value = serde_json::from_str(&event.data_json).unwrap_or_default();
            let line = serde_json::json!({
                "sequence": event.sequence, "kind": event.kind, "subject": event.subject, "actor": event.actor,
                "reason": event.reason, "data": data, "hash": event.hash,
                "recorded_at_s": event.recorded_at.as_ref().map(|at| at.seconds),
            });
            lines.push_str(&line.to_string());
            lines.push('\n');
            count += 1;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    std::fs::write(path, lines).map_err(DemoError::file(path))?;
    Ok(count)
}

/// Copies the database; the daemon has ended by now, so that the file is whole.
///
/// # Errors
/// [`DemoError::File`].
pub fn copy_database(database: &Path, out: &Path) -> Result<(), DemoError> {
    for ending in ["", "-wal", "-shm"] {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        let from = PathBuf::from(name);
        if let Some(name) = from.file_name().filter(|_| from.exists()) {
            std::fs::copy(&from, out.join(name)).map_err(DemoError::file(&from))?;
        }
    }
    Ok(())
}
