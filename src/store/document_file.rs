//! Rendered documents. Written once: what was sent stays as it was.

use billet_domain::id::{InvoiceId, SellerId};
use billet_domain::journal::sha256_hex;

use super::{FromRow, Row, StoreError, Tx, Unit};
use crate::params;

/// A rendered document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFile {
    /// Its name.
    pub file_name: String,
    /// `application/pdf`.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl FromRow for DocumentFile {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { file_name: row.get(0)?, media_type: row.get(1)?, content: row.get(2)? })
    }
}

/// Keeps a rendered document; if there is one already, that one stays.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_new(
    unit: &mut Unit,
    invoice_id: InvoiceId,
    format: &str,
    file: DocumentFile,
) -> Result<(), StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let sha256 = sha256_hex(&file.content);
    unit.execute(
        "INSERT INTO document_files (seller_id, invoice_id, format, file_name, media_type, sha256, content, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (seller_id, invoice_id, format) DO NOTHING",
        params![seller_id, invoice_id, format, file.file_name, file.media_type, sha256, file.content, now],
    )
    .await?;
    Ok(())
}

/// A rendered document, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn get(
    tx: &mut Tx,
    seller_id: SellerId,
    invoice_id: InvoiceId,
    format: &str,
) -> Result<Option<DocumentFile>, StoreError> {
    tx.optional(
        "SELECT file_name, media_type, content FROM document_files WHERE seller_id = $1 AND invoice_id = $2 AND format = $3",
        params![seller_id, invoice_id, format],
    )
    .await
}
