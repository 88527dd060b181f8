//! Makes what JavaScript loads from what the compiler leaves: `streams-wasm-generate IN.wasm OUT-FOLDER`.

use wasm_bindgen_cli_support::Bindgen;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(input), Some(out)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("what is read, and the folder that is written: streams-wasm-generate IN.wasm OUT");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).web(true)?.out_name("core").omit_default_module_path(true);
    bindgen.remove_name_section(std::env::var_os("NAMES").is_none()).remove_producers_section(true);
    bindgen.generate(out)
}
