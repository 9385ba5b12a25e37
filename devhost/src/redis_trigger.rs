//! The Redis trigger: a subscriber for each address, which hands on one message after the other.

use std::collections::BTreeMap;
use std::pin::pin;

use anyhow::{Context as _, Result, bail};
use futures::StreamExt as _;
use futures::future::join_all;
use redis::aio::PubSub;

use crate::component::RedisHandler;
use crate::terminal::{complain, say};

/// Who hears what at one address: the handlers by channel.
pub(crate) type Channels = BTreeMap<String, Vec<RedisHandler>>;

/// A subscription at one address.
pub(crate) struct Subscriber {
    /// Host and port, without the password.
    server: String,
    channels: Channels,
    subscription: PubSub,
}

impl Subscriber {
    /// Connects and subscribes. Fails when Redis is away or refuses.
    pub(crate) async fn subscribe(address: &str, channels: Channels) -> Result<Self> {
        let client = redis::Client::open(address).context("a Redis trigger's address is no URL")?;
        let server = client.get_connection_info().addr.to_string();
        let mut subscription = client
            .get_async_pubsub()
            .await
            .with_context(|| format!("Redis trigger failed to connect to {server}"))?;
        for channel in channels.keys() {
            subscription.subscribe(channel).await.with_context(|| {
                format!("Redis trigger failed to subscribe to channel {channel:?} on {server}")
            })?;
        }
        Ok(Self { server, channels, subscription })
    }

    /// Tells who hears what, in Spin's words.
    pub(crate) fn announce(&self) {
        say(format_args!("Active Channels on {}:", self.server));
        for (channel, handlers) in &self.channels {
            let ids: Vec<_> = handlers.iter().map(RedisHandler::id).collect();
            say(format_args!("\t{}/{channel}: [{}]", self.server, ids.join(",")));
        }
    }

    /// Hands on messages until the connection breaks, which is an error.
    ///
    /// The next message waits until every component that heard the last one has returned.
    pub(crate) async fn run(self) -> Result<()> {
        let Self { server, channels, mut subscription } = self;
        let mut messages = pin!(subscription.on_message());
        while let Some(message) = messages.next().await {
            let handlers = channels.get(message.get_channel_name()).into_iter().flatten();
            join_all(handlers.map(async |handler| {
                if let Err(error) = handler.handle(message.get_payload_bytes().to_vec()).await {
                    complain(format_args!(
                        "Component `{}` failed on a message: {error:#}",
                        handler.id()
                    ));
                }
            }))
            .await;
        }
        bail!("disconnected from {server}")
    }
}
