//! From text to what it says: the grammar of spec 13.

use std::collections::BTreeMap;

use chumsky::error::RichPattern;
use chumsky::prelude::*;

use super::definition::{
    Comments, Definition, FieldDefinition, FieldType, Flag, Import, Item, ObjectDefinition, StreamDefinition, Word,
};
use super::fault::{Fault, Wrong};
use crate::object::key::Kind;

type Extra<'a> = extra::Err<Rich<'a, char>>;

/// Reads a text, by its form alone.
pub(super) fn parse(text: &str) -> Result<Definition, Fault> {
    document().parse(text).into_result().map_err(|mut errors| {
        let first = errors.swap_remove(0);
        let start = first.span().start;
        let found = word_at(text, start);
        let mut expected: Vec<String> = first.expected().filter_map(expected_name).collect();
        expected.sort_unstable();
        expected.dedup();
        let at = start..start + found.as_ref().map_or(0, String::len);
        Fault { what: Wrong::Syntax { expected, found }, at }
    })
}

/// What the parser says that it expects, where people can read it. White space may stand anywhere.
fn expected_name(pattern: &RichPattern<'_, char>) -> Option<String> {
    let RichPattern::Label(label) = pattern else { return None };
    (label != "whitespace").then(|| label.to_string())
}

/// What stands at a byte: a word, or a single character.
fn word_at(text: &str, at: usize) -> Option<String> {
    let rest = &text[at..];
    let len = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
    let len = if len > 0 { len } else { rest.chars().next()?.len_utf8() };
    Some(rest[..len].to_owned())
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._@/-".contains(c)
}

/// A comment, to the end of its line or of its block.
fn comment<'a>() -> impl Parser<'a, &'a str, String, Extra<'a>> + Clone {
    let line = just("//").ignore_then(none_of('\n').repeated());
    let block = just("/*")
        .ignore_then(any().and_is(just("*/").not()).repeated())
        .then_ignore(just("*/").labelled("`*/`, the end of the comment"));
    choice((line, block)).to_slice().map(|comment: &str| comment.trim_end().to_owned())
}

/// What stands before a word: white space, and comments.
fn comments<'a>() -> impl Parser<'a, &'a str, Vec<String>, Extra<'a>> + Clone {
    let space = text::whitespace();
    space.ignore_then(comment().then_ignore(space).repeated().collect())
}

/// A comment on the rest of the line.
fn after<'a>() -> impl Parser<'a, &'a str, Option<String>, Extra<'a>> + Clone {
    one_of(" \t").repeated().ignore_then(comment()).or_not()
}

/// The letters of a word: a comment may follow at once, though a slash is a letter too.
fn letters<'a>() -> impl Parser<'a, &'a str, Word, Extra<'a>> + Clone {
    let begins_comment = just("//").or(just("/*"));
    let letter = any().filter(|c: &char| is_of_word(*c)).and_is(begins_comment.not());
    letter.repeated().at_least(1).to_slice().map_with(|text: &str, extra| {
        let span: SimpleSpan = extra.span();
        Word { text: text.to_owned(), at: span.into_range() }
    })
}

/// A word, with the comments before it.
fn word<'a>(what: &'static str) -> impl Parser<'a, &'a str, (Vec<String>, Word), Extra<'a>> + Clone {
    comments().then(letters().labelled(what))
}

/// This very word, with the comments before it.
fn keyword<'a>(
    keyword: &'static str,
    label: &'static str,
) -> impl Parser<'a, &'a str, (Vec<String>, Word), Extra<'a>> + Clone {
    comments().then(letters().filter(move |word| word.text == keyword).labelled(label))
}

/// A brace, with the comments before it.
fn brace<'a>(brace: char, label: &'static str) -> impl Parser<'a, &'a str, Vec<String>, Extra<'a>> + Clone {
    comments().then_ignore(just(brace).labelled(label))
}

fn field<'a>() -> impl Parser<'a, &'a str, FieldDefinition, Extra<'a>> + Clone {
    keyword("optional", "`optional`")
        .or_not()
        .then(word("the name of a field"))
        .then(keyword("repeated", "`repeated`").or_not())
        .then(word("a type"))
        .then(after())
        .map(|((((optional, (before_name, name)), repeated), (before_type, word)), after)| {
            let mut before = Vec::new();
            let (is_optional, is_repeated) = (optional.is_some(), repeated.is_some());
            optional.into_iter().for_each(|(comments, _)| before.extend(comments));
            before.extend(before_name);
            repeated.into_iter().for_each(|(comments, _)| before.extend(comments));
            before.extend(before_type);
            let comments = Comments { before, after };
            // The check tells what the word means.
            let r#type = FieldType::Value(Kind::Map);
            FieldDefinition { comments, optional: is_optional, name, repeated: is_repeated, word, r#type }
        })
}

fn object<'a>() -> impl Parser<'a, &'a str, ObjectDefinition, Extra<'a>> + Clone {
    let flag = choice((
        keyword("hypothetical", "`hypothetical`").map(|(comments, word)| (comments, word, Flag::Hypothetical)),
        keyword("root", "`root`").map(|(comments, word)| (comments, word, Flag::Root)),
        keyword("signed", "`signed`").map(|(comments, word)| (comments, word, Flag::Signed)),
    ));
    let kind = choice((
        keyword("object", "`object`").map(|(comments, word)| (comments, word, false)),
        keyword("event", "`event`").map(|(comments, word)| (comments, word, true)),
    ));
    flag.repeated()
        .collect::<Vec<_>>()
        .then(kind)
        .then(word("the name of an object"))
        .then(brace('{', "`{`"))
        .then(after())
        .then(field().repeated().collect::<Vec<_>>())
        .then(brace('}', "`}`"))
        .then(after())
        .map(
            |(
                (
                    (((((flags, (before_kind, at, is_event)), (before_name, name)), before_brace), opening), fields),
                    closing,
                ),
                after,
            )| {
                let mut before = Vec::new();
                let mut words = Vec::new();
                let mut at = at;
                for (comments, word, flag) in flags.into_iter().rev() {
                    before.splice(0..0, comments);
                    words.insert(0, flag);
                    at.at.start = word.at.start;
                }
                before.extend(before_kind);
                before.extend(before_name);
                before.extend(before_brace);
                before.extend(opening);
                let comments = Comments { before, after };
                ObjectDefinition { comments, flags: words, at, is_event, name, fields, closing, r#type: String::new() }
            },
        )
}

fn stream<'a>() -> impl Parser<'a, &'a str, StreamDefinition, Extra<'a>> + Clone {
    keyword("stream", "`stream`")
        .then(word("the path of a stream"))
        .then(brace('{', "`{`"))
        .then(after())
        .then(object().repeated().collect::<Vec<_>>())
        .then(brace('}', "`}`"))
        .then(after())
        .map(|((((((keyword, (before_path, path)), before_brace), opening), objects), closing), after)| {
            let mut before = keyword.0;
            before.extend(before_path);
            before.extend(before_brace);
            before.extend(opening);
            StreamDefinition { comments: Comments { before, after }, path, objects, closing }
        })
}

fn document<'a>() -> impl Parser<'a, &'a str, Definition, Extra<'a>> {
    let package = keyword("package", "`package`").then(word("the path of the package")).then(after());
    let package = package.map(|(((mut before, _), (more, path)), after)| {
        before.extend(more);
        (Comments { before, after }, path)
    });
    let import =
        keyword("import", "`import`").then(word("the path of a package")).then(word("a name for it")).then(after());
    let import = import.map(|((((mut before, _), (more, path)), (again, alias)), after)| {
        before.extend(more);
        before.extend(again);
        Import { comments: Comments { before, after }, path, alias }
    });
    let item = choice((stream().map(Item::Stream), object().map(Item::Object)));
    package
        .or_not()
        .then(import.repeated().collect::<Vec<_>>())
        .then(item.repeated().collect::<Vec<_>>())
        .then(comments())
        .then_ignore(end())
        .map(|(((package, imports), items), closing)| Definition {
            package,
            imports,
            items,
            closing,
            by_type: BTreeMap::new(),
        })
}
