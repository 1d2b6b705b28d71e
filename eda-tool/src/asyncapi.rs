//! `asyncapi`: the app as an AsyncAPI document, for generators and catalogues of other languages.

mod schema;
mod document;
mod yaml;

use std::io::Write;

use clap::{Args, ValueEnum};
use eda_core::App;

use crate::{Stop, write, write_json};

/// What the document says of itself.
#[derive(Args, Debug)]
pub(crate) struct AsyncApiOptions {
    /// In which notation.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The document's title; the names of the services where there is none.
    #[arg(long)]
    title: Option<String>,
    /// The version of what is described.
    #[arg(long, value_name = "VERSION", default_value = "0.0.0")]
    app_version: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Yaml,
    Json,
}

pub(crate) fn asyncapi(app: &App, options: &AsyncApiOptions, json: bool, out: &mut dyn Write) -> Result<(), Stop> {
    app.topology()?;
    let title = options.title.clone().unwrap_or_else(|| {
        let names: Vec<_> = app.services().map(|service| service.name).collect();
        names.join(", ")
    });
    let document = document::of(app, &title, &options.app_version);
    if json || options.format == Format::Json {
        return write_json(out, &document);
    }
    write(out, &yaml::write(&document))
}
