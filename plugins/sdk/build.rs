//! Compiles the plugin protocol with protox (pure Rust, no protoc needed).

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from("../../proto");
    println!("cargo:rerun-if-changed={}", root.join("billet/plugin").display());
    let files = ["outcome", "plugin", "panel", "registrar", "gateway", "channel"]
        .map(|name| root.join(format!("billet/plugin/v1/{name}.proto")));
    let descriptors = protox::compile(files, [root])?;
    tonic_prost_build::configure().build_transport(false).btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
