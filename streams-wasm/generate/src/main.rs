//! Makes what the package for JavaScript needs of the core: the glue to its WebAssembly, and the classes of its errors.
//!
//! `streams-wasm-generate glue IN.wasm OUT-FOLDER` and `streams-wasm-generate errors OUT.ts`.

mod errors;

use std::ffi::OsString;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match &arguments[..] {
        [what, wasm, out] if what == "glue" => {
            let mut bindgen = Bindgen::new();
            bindgen.input_path(wasm).web(true)?.out_name("core").omit_default_module_path(true).typescript(true);
            bindgen.remove_producers_section(true);
            bindgen.generate(out)?;
            let folder = Path::new(out);
            let glue = fs::read_to_string(folder.join("core.js"))?;
            fs::write(folder.join("instance.js"), factory(&glue)?)?;
            Ok(())
        }
        [what, out] if what == "errors" => fs::write(out, errors::module()?).context("the classes of errors"),
        _ => bail!("glue IN.wasm OUT-FOLDER, or errors OUT.ts"),
    }
}

/// The glue as a function that makes a new one each time: the promises of an instance that died must not reach into the
/// next, as they would through what a module holds.
fn factory(glue: &str) -> anyhow::Result<String> {
    let end = "export { initSync, __wbg_init as default };";
    let Some(body) = glue.trim_end().strip_suffix(end) else {
        bail!("the glue does not end in `{end}` any more: look what it exports now");
    };
    let mut names = vec!["initSync".to_owned(), "default: __wbg_init".to_owned()];
    let mut out = String::from("export default function instantiate() {\n");
    for line in body.lines() {
        let Some(exported) = line.strip_prefix("export ") else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let name = exported.split([' ', '(']).nth(1).context("a name is exported")?;
        names.push(name.to_owned());
        out.push_str(exported);
        out.push('\n');
    }
    out.push_str(&format!("return {{ {} }};\n}}\n", names.join(", ")));
    Ok(out)
}
