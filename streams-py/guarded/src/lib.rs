//! The attribute `guarded`, for all that Python calls: a panic inside becomes an `InternalError`, which `except Exception`
//! sees, as it does not see what PyO3 makes of one.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Attribute, Block, ImplItem, Item, ReturnType, Signature, Type, parse_macro_input, parse_quote};

/// Runs the body of a function, or of every method of an `impl`, inside `crate::call::guarded`. What does not return a
/// `PyResult` does from then on. It stands above `#[pymethods]` and `#[pyfunction]`.
#[proc_macro_attribute]
pub fn guarded(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = parse_macro_input!(item as Item);
    match &mut item {
        Item::Fn(function) => guard(&function.attrs, &mut function.sig, &mut function.block),
        Item::Impl(methods) => {
            for method in &mut methods.items {
                if let ImplItem::Fn(method) = method {
                    guard(&method.attrs, &mut method.sig, &mut method.block);
                }
            }
        }
        other => {
            return syn::Error::new_spanned(other, "functions and methods are guarded").into_compile_error().into();
        }
    }
    quote!(#item).into()
}

fn guard(attributes: &[Attribute], signature: &mut Signature, body: &mut Block) {
    // A constant of its class.
    if attributes.iter().any(|attribute| attribute.path().is_ident("classattr")) {
        return;
    }
    let returned: Type = match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, returned) => (**returned).clone(),
    };
    let is_result =
        matches!(&returned, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "PyResult"));
    if is_result {
        *body = parse_quote!({ crate::call::guarded(move || -> #returned #body)? });
    } else {
        signature.output = parse_quote!(-> ::pyo3::PyResult<#returned>);
        *body = parse_quote!({ crate::call::guarded(move || -> #returned #body) });
    }
}
