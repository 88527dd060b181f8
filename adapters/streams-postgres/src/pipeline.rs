//! Statements that are sent one behind the other, without waiting for each other's answers.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use deadpool_postgres::Client;
use streams_core::StoreError;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use crate::error::failed;
use crate::read::Parameter;

/// A statement with its parameters.
pub(crate) struct Step<'a> {
    statement: &'static str,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(statement: &'static str) -> Self {
        Self { statement, parameters: Vec::new() }
    }

    pub(crate) fn with(mut self, parameter: impl ToSql + Sync + Send + 'a) -> Self {
        self.parameters.push(Box::new(parameter));
        self
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;

/// The answers of all, or the error of the first that failed. In a transaction the server then passes over the others,
/// and its end, if that is among them, rolls it back.
pub(crate) async fn run(client: &Client, steps: &[Step<'_>]) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut waiting: Vec<Answer<'_>> = Vec::with_capacity(steps.len());
    for Step { statement, parameters } in steps {
        let statement = client.prepare_cached(statement).await.map_err(failed)?;
        waiting.push(Box::pin(async move {
            let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|one| &**one as _).collect();
            client.query(&statement, &parameters).await
        }));
    }
    // A statement is sent when its future is asked for the first time, so they are asked in their order.
    let mut answers: Vec<Option<Vec<Row>>> = waiting.iter().map(|_| None).collect();
    let all = poll_fn(|context| {
        let mut all = true;
        for (waiting, answer) in waiting.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            match waiting.as_mut().poll(context) {
                Poll::Ready(rows) => *answer = Some(rows?),
                Poll::Pending => all = false,
            }
        }
        if all { Poll::Ready(Ok(())) } else { Poll::Pending }
    });
    all.await.map_err(failed)?;
    Ok(answers.into_iter().flatten().collect())
}
