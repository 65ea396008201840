//! The WASM module's own steps: wasm-bindgen (as a library, target `web`) and npm's wasm-opt.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use wasm_bindgen_cli_support::Bindgen;

use crate::error::SiteError;

/// What wasm-bindgen makes of the compiled frontend.
pub(crate) struct Glue {
    /// The ES module that loads and wraps the WASM.
    pub(crate) js: String,
    /// The WASM with wasm-bindgen's own sections worked off.
    pub(crate) wasm: Vec<u8>,
    /// JavaScript that crates bring along: path below `./snippets/` → source.
    pub(crate) snippets: BTreeMap<String, String>,
}

/// Runs wasm-bindgen over the module that rustc compiled.
///
/// # Errors
///
/// When the module is missing, or was built with another version of wasm-bindgen.
pub(crate) fn generate(module: &Path) -> Result<Glue, SiteError> {
    let failed = |error: &dyn std::fmt::Display| SiteError::Bindgen(format!("{error:#}"));
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(module)
        .out_name("lanyard")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .web(true)
        .map_err(|error| failed(&error))?;
    let mut output = bindgen.generate_output().map_err(|error| failed(&error))?;

    let mut snippets = BTreeMap::new();
    for (identifier, sources) in output.snippets() {
        for (index, source) in sources.iter().enumerate() {
            snippets.insert(format!("{identifier}/inline{index}.js"), source.clone());
        }
    }
    for (path, source) in output.local_modules() {
        snippets.insert(path.clone(), source.clone());
    }
    Ok(Glue { js: output.js().to_owned(), wasm: output.wasm_mut().emit_wasm(), snippets })
}

/// What the module may use: that which rustc itself turns on for wasm32, all of it in every browser
/// since 2023. `--all-features` would let wasm-opt write encodings that no browser reads yet.
const FEATURES: [&str; 8] = [
    "--mvp-features",
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Shrinks the module with binaryen's wasm-opt (half a minute for half a megabyte).
///
/// # Errors
///
/// When the program cannot be started or refuses the module; its message is passed on.
pub(crate) fn optimise(program: &Path, wasm: &[u8]) -> Result<Vec<u8>, SiteError> {
    let failed = |reason: String| SiteError::Optimiser { program: program.to_owned(), reason };
    let folder = std::env::temp_dir().join(format!("lanyard-site-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(SiteError::at(&folder))?;
    let (input, output) = (folder.join("in.wasm"), folder.join("out.wasm"));
    std::fs::write(&input, wasm).map_err(SiteError::at(&input))?;
    eprintln!("wasm-opt -Oz over {} bytes (about 40 s) …", wasm.len());
    let run = Command::new(program)
        // Until another round wins nothing: some 700 bytes of what a phone loads, for twice the time.
        .args(["-Oz", "--converge", "--strip-debug", "--strip-producers"])
        .args(FEATURES)
        .arg("-o")
        .arg(&output)
        .arg(&input)
        .stdin(Stdio::null())
        .output();
    let result = match run {
        Err(error) => Err(failed(error.to_string())),
        Ok(run) if !run.status.success() => Err(failed(String::from_utf8_lossy(&run.stderr).into_owned())),
        Ok(_) => std::fs::read(&output).map_err(SiteError::at(&output)),
    };
    // The scratch folder is of no more use; failing to remove it changes nothing.
    let _ = std::fs::remove_dir_all(&folder);
    result
}
