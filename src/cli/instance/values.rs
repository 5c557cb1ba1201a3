//! Settings and secrets as arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use super::super::client::{ClientError, read};
use crate::proto::billet::v1 as pb;

/// What is set.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings of the plugin")]
pub struct Values {
    /// A setting, as `user=root` or `timeout_s=90`: what reads as JSON is JSON, anything else is text; `name=` removes it
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// A setting from a file, as `ca_pem=panel-ca.pem`
    #[arg(long = "set-file", value_name = "NAME=FILE", value_parser = pair)]
    set_file: Vec<(String, String)>,
    /// A secret from a file (`-` is standard input), as `password=pw.txt`
    #[arg(long = "secret-file", value_name = "NAME=FILE", value_parser = pair)]
    secret_file: Vec<(String, String)>,
    /// Short for --secret-file token=FILE
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How many calls are made at once
    #[arg(long, value_name = "COUNT", help_heading = "Placement and limits")]
    concurrency_max: Option<u32>,
    /// How many accounts may be placed there
    #[arg(long, value_name = "COUNT", help_heading = "Placement and limits")]
    accounts_max: Option<i64>,
    /// How many accounts may be made there at the same time
    #[arg(long, value_name = "COUNT", help_heading = "Placement and limits")]
    creates_max: Option<u32>,
    /// Its share of new accounts where a group is filled by weight
    #[arg(long, value_name = "NUMBER", help_heading = "Placement and limits")]
    weight: Option<u32>,
    /// Whether new accounts are kept away
    #[arg(long, value_name = "BOOL", help_heading = "Placement and limits")]
    maintenance: Option<bool>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("NAME=VALUE is wanted".to_owned()),
    }
}

impl Values {
    /// One secret and nothing else.
    pub fn one_secret(name: &str, file: &Path) -> Result<Self, ClientError> {
        let file = file.to_str().ok_or_else(|| ClientError::Usage("the file's name is not UTF-8".to_owned()))?;
        Ok(Self { secret_file: vec![(name.to_owned(), file.to_owned())], ..Self::default() })
    }

    /// The secrets, read.
    pub fn secrets(&self) -> Result<BTreeMap<String, String>, ClientError> {
        let token = self.token_file.iter().map(|file| ("token", file.as_path()));
        let others = self.secret_file.iter().map(|(name, file)| (name.as_str(), Path::new(file)));
        let mut secrets = BTreeMap::new();
        for (name, file) in token.chain(others) {
            let secret = read(file)?;
            // Editors end files with a line feed; a secret of several lines (a key) keeps its inner ones.
            let secret = secret.strip_suffix('\n').unwrap_or(&secret).trim_end_matches('\r').to_owned();
            if secret.is_empty() {
                return Err(ClientError::Usage(format!("{} is empty", file.display())));
            }
            secrets.insert(name.to_owned(), secret);
        }
        Ok(secrets)
    }

    /// The settings as they are to be, and the fields that change.
    pub fn over(
        &self,
        mut settings: pb::InstanceSettings,
        url: Option<&str>,
    ) -> Result<(pb::InstanceSettings, Vec<String>), ClientError> {
        let mut paths = Vec::new();
        let mut change = |path: &str| paths.push(path.to_owned());
        let mut object = settings.settings.take().unwrap_or_default();
        let before = object.clone();
        if let Some(url) = url {
            object.fields.insert("url".to_owned(), text(url));
        }
        for (name, value) in &self.set {
            if value.is_empty() {
                object.fields.remove(name);
            } else {
                let value = serde_json::from_str(value).map_or_else(|_| text(value), from_json);
                object.fields.insert(name.clone(), value);
            }
        }
        for (name, file) in &self.set_file {
            object.fields.insert(name.clone(), text(&read(Path::new(file))?));
        }
        if object != before {
            change("settings");
        }
        settings.settings = Some(object);
        if self.concurrency_max.is_some() {
            change("concurrency_max");
            settings.concurrency_max = self.concurrency_max;
        }
        if self.creates_max.is_some() {
            change("creates_max");
            settings.creates_max = self.creates_max;
        }
        if self.accounts_max.is_some() {
            change("accounts_max");
            settings.accounts_max = self.accounts_max;
        }
        if self.weight.is_some() {
            change("weight");
            settings.weight = self.weight;
        }
        if let Some(maintenance) = self.maintenance {
            change("maintenance");
            settings.maintenance = maintenance;
        }
        Ok((settings, paths))
    }
}

fn text(text: &str) -> Value {
    Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

fn from_json(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(value),
        serde_json::Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        serde_json::Value::String(value) => Kind::StringValue(value),
        serde_json::Value::Array(values) => {
            Kind::ListValue(ListValue { values: values.into_iter().map(from_json).collect() })
        }
        serde_json::Value::Object(object) => Kind::StructValue(Struct {
            fields: object.into_iter().map(|(name, value)| (name, from_json(value))).collect(),
        }),
    };
    Value { kind: Some(kind) }
}

/// A setting as JSON.
pub fn to_json(value: &Value) -> serde_json::Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(value)) => (*value).into(),
        Some(Kind::NumberValue(value)) if value.fract() == 0.0 && value.abs() < 9e15 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
            serde_json::Value::from(*value as i64)
        }
        Some(Kind::NumberValue(value)) => (*value).into(),
        Some(Kind::StringValue(value)) => value.clone().into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(to_json).collect::<Vec<_>>().into(),
        Some(Kind::StructValue(object)) => object_to_json(object),
    }
}

/// Settings as JSON.
pub fn object_to_json(object: &Struct) -> serde_json::Value {
    serde_json::Value::Object(object.fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
}
