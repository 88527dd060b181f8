//! Makes what the package for JavaScript needs of the core: the glue to its WebAssembly, and the classes of its errors.
//!
//! `streams-wasm-generate glue IN.wasm OUT-FOLDER` and `streams-wasm-generate errors OUT.ts`.

mod errors;

use std::ffi::OsString;
use std::{env, fs};

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match &arguments[..] {
        [what, wasm, out] if what == "glue" => {
            let mut bindgen = Bindgen::new();
            bindgen.input_path(wasm).web(true)?.out_name("core").omit_default_module_path(true).typescript(true);
            bindgen.remove_name_section(env::var_os("STREAMS_NAMES").is_none()).remove_producers_section(true);
            bindgen.generate(out)?;
            // A new instance after one that died.
            let glue = std::path::Path::new(out).join("core.js");
            let text = fs::read_to_string(&glue)?;
            let once = "if (wasm !== undefined) return wasm;";
            if !text.contains(once) {
                bail!("the glue does not say `{once}` any more: look how a new instance is made now");
            }
            fs::write(&glue, text.replace(once, ""))?;
            Ok(())
        }
        [what, out] if what == "errors" => fs::write(out, errors::module()?).context("the classes of errors"),
        _ => bail!("glue IN.wasm OUT-FOLDER, or errors OUT.ts"),
    }
}
