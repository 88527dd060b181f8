//! Waiting. The server tells who listens that something was committed; that is a hint and nothing more: where it does not
//! come, who waits looks again by itself.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadpool_postgres::Client;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_postgres::{AsyncMessage, Config, NoTls};

use crate::schema::quoted;

/// After how long one looks again, or connects again, unasked.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// Hears of commits: those of this process at once, those of others by a connection of its own, which is made when
/// somebody waits for the first time.
#[derive(Debug)]
pub(crate) struct Listener {
    config: Config,
    channel: String,
    heard: Arc<watch::Sender<()>>,
    task: Mutex<Option<AbortHandle>>,
}

impl Listener {
    pub(crate) fn new(config: Config, channel: String) -> Self {
        Self { config, channel, heard: Arc::new(watch::Sender::new(())), task: Mutex::new(None) }
    }

    /// What changes when something was heard.
    pub(crate) fn listen(&self) -> watch::Receiver<()> {
        let heard = self.heard.subscribe();
        let mut task = self.task.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if task.as_ref().is_none_or(AbortHandle::is_finished) {
            let (config, channel, heard) = (self.config.clone(), self.channel.clone(), self.heard.clone());
            *task = Some(tokio::spawn(keep_hearing(config, channel, heard)).abort_handle());
        }
        heard
    }

    /// Tells of a commit: who waits here at once, and others by a connection, behind the back of who committed. Not in
    /// the commit itself: all transactions of a server that notify anybody end one after the other, and this one has
    /// nothing to make durable meanwhile.
    pub(crate) fn tell(&self, client: Client) {
        self.wake();
        let channel = self.channel.clone();
        tokio::spawn(async move {
            let told = client.prepare_cached("SELECT pg_notify($1, '')").await;
            // Where it fails, others look by themselves.
            if let Ok(statement) = told {
                let _ = client.execute(&statement, &[&channel]).await;
            }
        });
    }

    /// Wakes who waits here.
    pub(crate) fn wake(&self) {
        self.heard.send_replace(());
    }

    /// Ends, and wakes who waits here.
    pub(crate) fn stop(&self) {
        let task = self.task.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        task.iter().for_each(AbortHandle::abort);
        self.wake();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn keep_hearing(config: Config, channel: String, heard: Arc<watch::Sender<()>>) {
    loop {
        // Whatever ended it: until it goes again, who waits looks again each second.
        let _ = hear(&config, &channel, &heard).await;
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear(config: &Config, channel: &str, heard: &watch::Sender<()>) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(NoTls).await?;
    let messages = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(_) = message? {
                heard.send_replace(());
            }
        }
        Ok(())
    };
    let listening = async {
        client.batch_execute(&format!("LISTEN {}", quoted(channel))).await?;
        // What came before is told to nobody.
        heard.send_replace(());
        std::future::pending().await
    };
    tokio::select! {
        ended = messages => ended,
        failed = listening => failed,
    }
}
