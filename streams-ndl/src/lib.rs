//! The types of a definition (spec 13) in a Rust program, made when it is built.
//!
//! ```
//! use streams_core::{Draft, HashKey, SigningKey, Stream, to_map};
//!
//! mod list {
//!     streams_ndl::include_ndl!("tests/list.ndl");
//! }
//!
//! let alice = SigningKey::from_bytes([1; 32]);
//! let root = Draft::root(list::ListCreated::TYPE, [0; 16]).sign(&alice)?;
//! let mut stream = Stream::open(root, HashKey::from_bytes([3; 16]))?;
//! let milk = list::ListAdded { text: "milk".into(), tags: vec![], by: None };
//! stream.by(&alice).append(list::ListAdded::TYPE, to_map(&milk)?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate that says so needs `streams-core`, and `serde` with its derive. `DEFINITION` is the text of the definition,
//! to hold streams to it ([`Stream::hold_to`](streams_core::Stream::hold_to)).

use std::path::Path;
use std::{env, fs};

use proc_macro::{Literal, TokenStream, TokenTree};
use streams_core::schema::definition::Definition;
use streams_core::schema::generate::Language;

/// The types of a definition, at this place: `include_ndl!("path/to/list.ndl")`, from the folder of the crate's
/// `Cargo.toml`. What is wrong with the definition is an error of the compiler, with line and column.
#[proc_macro]
pub fn include_ndl(path: TokenStream) -> TokenStream {
    generate(path).unwrap_or_else(|wrong| {
        let wrong = TokenTree::from(Literal::string(&wrong));
        format!("::core::compile_error!({wrong});").parse().expect("a macro that is called")
    })
}

fn generate(path: TokenStream) -> Result<TokenStream, String> {
    let path = text(path).ok_or("say which definition: include_ndl!(\"path/to/list.ndl\")")?;
    let folder =
        env::var_os("CARGO_MANIFEST_DIR").ok_or("this is built by cargo, which tells the folder of the crate")?;
    let file = Path::new(&folder).join(path);
    let shown = file.display();
    let text = fs::read_to_string(&file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let definition = Definition::parse(&text).map_err(|faults| format!("{shown}:{faults}"))?;
    let types = definition.generate(Language::Rust).map_err(|clash| format!("{shown}: {clash}"))?;
    // The compiler reads the file too, so that the crate is built anew when it changes.
    let file = Literal::string(file.to_str().ok_or("the path is no UTF-8")?);
    let text = format!("/// The text of the definition.\npub const DEFINITION: &str = ::core::include_str!({file});\n");
    (text + &types).parse().map_err(|error| format!("{shown}: what was made of it is no Rust: {error}"))
}

/// The text of the one literal.
fn text(tokens: TokenStream) -> Option<String> {
    let mut tokens = tokens.into_iter();
    let (Some(TokenTree::Literal(literal)), None) = (tokens.next(), tokens.next()) else { return None };
    let literal = literal.to_string();
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains('\\')).then(|| text.to_owned())
}
