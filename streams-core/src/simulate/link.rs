//! A link that takes its time, and breaks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use event_listener::Event;

use crate::clock::Clock;
use crate::conformance::fixtures::Dice;
use crate::memory::MemoryClock;
use crate::transport::{MAX_FRAME, Transport, TransportError};

/// How many frames may be on their way in one direction.
const ROOM: usize = 16;

/// What links are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The longest that a frame takes, in milliseconds. Frames of one link never overtake each other; those of two do.
    pub delay: usize,
    /// Of how many frames one is lost, and the link with it; 0 for none.
    pub loses: usize,
    /// Of how many frames one is changed, left out, sent twice, or in another's place; 0 for none. A transport that keeps
    /// its contract does nothing of it: so this is somebody on the way.
    pub mangles: usize,
}

impl Weather {
    /// Nothing goes wrong, and all goes fast.
    pub const FINE: Self = Self { delay: 5, loses: 0, mangles: 0 };
    /// Slow links, that break often.
    pub const ROUGH: Self = Self { delay: 500, loses: 40, mangles: 0 };
    /// Somebody is on the way.
    pub const HOSTILE: Self = Self { delay: 200, loses: 100, mangles: 10 };
}

/// One end of a link.
#[derive(Debug)]
pub(super) struct Link {
    clock: Arc<MemoryClock>,
    wire: Arc<Wire>,
    /// 0 for the end that opened it.
    end: usize,
}

/// What both ends share.
#[derive(Debug)]
struct Wire {
    weather: Weather,
    channel: Vec<u8>,
    ends: [usize; 2],
    state: Mutex<State>,
    changed: Event,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    /// The frames on their way to each end, and when they arrive.
    frames: [VecDeque<(u64, Vec<u8>)>; 2],
    /// Which end closed in order.
    closed: [bool; 2],
    cut: bool,
}

impl Link {
    pub(super) fn pair(
        clock: &Arc<MemoryClock>,
        weather: Weather,
        seed: u64,
        channel: &[u8],
        ends: [usize; 2],
    ) -> (Arc<Self>, Arc<Self>) {
        let state = State { dice: Dice(seed), frames: Default::default(), closed: [false; 2], cut: false };
        let state = Mutex::new(state);
        let wire = Arc::new(Wire { weather, channel: channel.to_vec(), ends, state, changed: Event::new() });
        let end = |end| Arc::new(Self { clock: clock.clone(), wire: wire.clone(), end });
        (end(0), end(1))
    }

    /// Who is at the ends.
    pub(super) fn ends(&self) -> [usize; 2] {
        self.wire.ends
    }

    pub(super) fn is_cut(&self) -> bool {
        let state = super::lock(&self.wire.state);
        state.cut || state.closed == [true; 2]
    }

    /// What is on its way is lost.
    pub(super) fn cut(&self) {
        super::lock(&self.wire.state).cut = true;
        self.wire.changed.notify(usize::MAX);
    }

    /// Puts a frame on its way, if there is room.
    fn put(&self, frame: &mut Option<Vec<u8>>) -> Result<bool, TransportError> {
        let weather = self.wire.weather;
        let mut state = super::lock(&self.wire.state);
        if state.cut || state.closed[self.end] || state.closed[1 - self.end] {
            return Err(TransportError::closed());
        }
        if state.frames[1 - self.end].len() >= ROOM {
            return Ok(false);
        }
        let Some(mut frame) = frame.take() else { return Ok(true) };
        let falls = |dice: &mut Dice, of: usize| of > 0 && dice.below(of) == 0;
        if falls(&mut state.dice, weather.loses) {
            state.cut = true;
            return Err(TransportError::closed());
        }
        let delay = state.dice.below(weather.delay + 1) as u64;
        let before = state.frames[1 - self.end].back().map_or(0, |(at, _)| *at);
        let at = before.max(self.clock.now() + delay);
        if falls(&mut state.dice, weather.mangles) {
            let (how, place) = (state.dice.below(4), state.dice.below(frame.len().max(1)));
            let bit = 1 << state.dice.below(8);
            let frames = &mut state.frames[1 - self.end];
            match how {
                0 => return Ok(true),
                1 => frames.push_back((at, frame.clone())),
                2 => {
                    if let Some((_, last)) = frames.back_mut() {
                        std::mem::swap(last, &mut frame);
                    }
                }
                _ => frame.get_mut(place).into_iter().for_each(|byte| *byte ^= bit),
            }
        }
        state.frames[1 - self.end].push_back((at, frame));
        Ok(true)
    }

    /// The next frame that has arrived; or when it will; or that none will come.
    fn take(&self) -> Result<Next, TransportError> {
        let mut state = super::lock(&self.wire.state);
        if state.cut || state.closed[self.end] {
            return Err(TransportError::closed());
        }
        match state.frames[self.end].front() {
            Some((at, _)) if *at > self.clock.now() => Ok(Next::At(*at)),
            Some(_) => Ok(Next::Frame(state.frames[self.end].pop_front().expect("it is there").1)),
            None if state.closed[1 - self.end] => Ok(Next::End),
            None => Ok(Next::Unknown),
        }
    }
}

enum Next {
    Frame(Vec<u8>),
    At(u64),
    Unknown,
    End,
}

#[cfg_attr(not(target_family = "wasm"), async_trait)]
#[cfg_attr(target_family = "wasm", async_trait(?Send))]
impl Transport for Link {
    async fn send(&self, frame: Vec<u8>) -> Result<(), TransportError> {
        if frame.len() > MAX_FRAME {
            return Err(TransportError::too_large(frame.len()));
        }
        let mut frame = Some(frame);
        loop {
            let changed = self.wire.changed.listen();
            let sent = self.put(&mut frame);
            if !matches!(sent, Ok(false)) {
                self.wire.changed.notify(usize::MAX);
                return sent.map(drop);
            }
            changed.await;
        }
    }

    async fn recv(&self) -> Result<Option<Vec<u8>>, TransportError> {
        loop {
            let changed = self.wire.changed.listen();
            match self.take()? {
                Next::Frame(frame) => {
                    self.wire.changed.notify(usize::MAX);
                    return Ok(Some(frame));
                }
                Next::End => return Ok(None),
                Next::Unknown => changed.await,
                // What cuts the link meanwhile is seen then.
                Next::At(at) => self.clock.until(at).await,
            }
        }
    }

    async fn close(&self) -> Result<(), TransportError> {
        super::lock(&self.wire.state).closed[self.end] = true;
        self.wire.changed.notify(usize::MAX);
        Ok(())
    }

    fn channel(&self) -> &[u8] {
        &self.wire.channel
    }
}
