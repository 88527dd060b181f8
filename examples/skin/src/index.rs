//! The index: a document for each item that is shown, and for each object that takes something from what is shown.

use std::path::Path;

use streams_core::{ObjectId, StreamId};
use tantivy::collector::sort_key::{SortBySimilarityScore, SortByStaticFastValue};
use tantivy::collector::{Count, DocSetCollector, TopDocs};
use tantivy::directory::MmapDirectory;
use tantivy::query::{
    BooleanQuery, BoostQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, TermQuery, TermSetQuery,
};
use tantivy::schema::{FAST, INDEXED, STORED, STRING};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions, Value};
use tantivy::{DocAddress, IndexReader, IndexWriter, ReloadPolicy, Result, Searcher, TantivyDocument, Term};

use crate::Mark;

/// The memory for documents that are not on disk yet.
const MEMORY: usize = 64 << 20;

/// The fields, in the order of the schema.
pub(crate) const ID: Field = Field::from_field_id(0);
pub(crate) const STREAM: Field = Field::from_field_id(1);
pub(crate) const TAKES: Field = Field::from_field_id(2);
/// `item` (it is shown), `taker`, or both.
pub(crate) const KIND: Field = Field::from_field_id(3);
pub(crate) const TIME: Field = Field::from_field_id(4);
pub(crate) const TITLE: Field = Field::from_field_id(5);
pub(crate) const TEXTS: Field = Field::from_field_id(6);
/// The first 16 bytes of the id, by which a document is found: half the work for the index, and nobody meets them again.
pub(crate) const KEY: Field = Field::from_field_id(7);

/// What is searched, as of its last commit.
pub struct Index {
    index: tantivy::Index,
    reader: IndexReader,
}

/// How many items were found, and some of them: their streams and ids.
pub type Found = (usize, Vec<(StreamId, ObjectId)>);

impl Index {
    /// Opens the index in a folder, or begins one.
    pub fn open(folder: &Path) -> Result<Self> {
        let (mut schema, words) = (Schema::builder(), TextFieldIndexing::default());
        let words = TextOptions::default().set_indexing_options(words.set_index_option(IndexRecordOption::WithFreqs));
        schema.add_bytes_field("id", STORED);
        schema.add_bytes_field("stream", INDEXED | STORED);
        schema.add_bytes_field("takes", INDEXED | STORED);
        schema.add_text_field("kind", STRING);
        schema.add_u64_field("time", FAST);
        schema.add_text_field("title", words.clone());
        schema.add_text_field("texts", words);
        schema.add_bytes_field("key", INDEXED);
        let index = tantivy::Index::open_or_create(MmapDirectory::open(folder)?, schema.build())?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, reader })
    }

    /// Items that have all these words, or words that begin so: how many there are, and some of them, the best first, and of
    /// equal ones the newest. Of streams that may not be read, nothing is found.
    pub fn search(&self, words: &str, stream: Option<StreamId>, [skip, limit]: [usize; 2]) -> Result<Found> {
        let streams = self.mark()?.map(|mark| mark.streams).unwrap_or_default();
        let of = |stream: &StreamId| Term::from_field_bytes(STREAM, stream.as_bytes());
        let closed = streams.iter().filter(|(_, is_open)| !**is_open).map(|(stream, _)| of(stream));
        let unscored = |query| Box::new(ConstScoreQuery::new(query, 0.0)) as Box<dyn Query>;
        let mut all = vec![(Occur::Must, unscored(exactly(Term::from_field_text(KIND, "item"))))];
        all.push((Occur::MustNot, Box::new(TermSetQuery::new(closed))));
        all.extend(stream.map(|stream| (Occur::Must, unscored(exactly(of(&stream))))));
        let mut analyzer = self.index.tokenizer_for_field(TEXTS)?;
        let mut tokens = analyzer.token_stream(words);
        while let Some(token) = tokens.next() {
            let either = [(TITLE, 4.0), (TEXTS, 1.0)].into_iter().flat_map(|(field, weight)| {
                let term = Term::from_field_text(field, &token.text);
                let beginning = Box::new(FuzzyTermQuery::new_prefix(term.clone(), 0, false)) as Box<dyn Query>;
                [exactly(term), beginning].map(|query| Box::new(BoostQuery::new(query, weight)) as Box<dyn Query>)
            });
            all.push((Occur::Must, Box::new(BooleanQuery::union(either.collect()))));
        }
        let (query, searcher) = (BooleanQuery::new(all), self.reader.searcher());
        let best = (SortBySimilarityScore, SortByStaticFastValue::<u64>::for_field("time"));
        let top = searcher.search(&query, &TopDocs::with_limit(limit.max(1)).and_offset(skip).order_by(best))?;
        let ids = top.into_iter().take(limit).filter_map(|(_, at)| ids(&searcher, at, [STREAM, ID]).transpose());
        Ok((searcher.search(&query, &Count)?, ids.collect::<Result<_>>()?))
    }

    /// The objects that take something, of those that have this in a field; and what each takes.
    pub(crate) fn find(&self, term: Term) -> Result<Vec<(ObjectId, ObjectId)>> {
        let searcher = self.reader.searcher();
        let found = searcher.search(&exactly(term), &DocSetCollector)?.into_iter();
        found.filter_map(|at| ids(&searcher, at, [ID, TAKES]).transpose()).collect()
    }

    /// What was committed last.
    pub(crate) fn mark(&self) -> Result<Option<Mark>> {
        let payload = self.index.load_metas()?.payload;
        Ok(payload.and_then(|payload| serde_json::from_str(&payload).ok()))
    }

    /// A program that was killed may have left files whose names are given again: they are taken away first.
    pub(crate) fn writer(&self) -> Result<IndexWriter> {
        let writer = self.index.writer(MEMORY)?;
        writer.garbage_collect_files().wait().map(|_| writer)
    }

    /// Makes all that was written durable at once, and searches it.
    pub(crate) fn commit(&self, writer: &mut IndexWriter, mark: &Mark) -> Result<()> {
        let mut commit = writer.prepare_commit()?;
        commit.set_payload(&serde_json::to_string(mark).expect("texts and numbers"));
        commit.commit()?;
        self.reader.reload()
    }
}

fn exactly(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
}

/// Two ids that a document has.
fn ids(searcher: &Searcher, at: DocAddress, [one, other]: [Field; 2]) -> Result<Option<(ObjectId, ObjectId)>> {
    let document: TantivyDocument = searcher.doc(at)?;
    let id = |field| document.get_first(field)?.as_bytes()?.try_into().ok().map(ObjectId::from_bytes);
    Ok(id(one).zip(id(other)))
}
