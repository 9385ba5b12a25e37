//! A connection to the simulated Redis, which can be lost before or after a command took effect.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use store::{Redis, RedisError, Value};

use crate::checker::Truth;
use crate::fault::Fault;
use crate::world::World;

/// One connection, of a worker or of a client.
pub struct Connection {
    world: Rc<World>,
    /// The host of the worker it belongs to.
    host: Option<usize>,
    is_lost: Cell<bool>,
    /// How things stood when Redis carried out a client's first command.
    truth: Rc<RefCell<Option<Truth>>>,
}

impl Connection {
    /// A connection of the worker in `host`, or of a client.
    #[must_use]
    pub fn open(world: &Rc<World>, host: Option<usize>) -> Self {
        Self { world: Rc::clone(world), host, is_lost: Cell::new(false), truth: Rc::default() }
    }

    /// Where it puts how things stood as its first command was carried out.
    pub(crate) fn truth(&self) -> Rc<RefCell<Option<Truth>>> {
        Rc::clone(&self.truth)
    }

    fn lost<T>(&self) -> Result<T, RedisError> {
        self.is_lost.set(true);
        Err(RedisError::Unreachable("the connection was lost".to_owned()))
    }
}

impl Redis for Connection {
    async fn command(&self, name: &str, arguments: Vec<Vec<u8>>) -> Result<Vec<Value>, RedisError> {
        let world = &self.world;
        world.effect(self.host).await;
        let arguments = world.worded(self.host, arguments);
        if self.is_lost.get() || world.redis_is_away() || world.fires(Fault::RedisLostBefore) {
            world.travel().await;
            return self.lost();
        }
        let is_lost_after = world.fires(Fault::RedisLostAfter);
        let (tell, told) = oneshot::channel();
        let (carrier, name, host) = (Rc::clone(world), name.to_owned(), self.host);
        let truth = host.is_none().then(|| self.truth());
        // Once sent, the command is on its way whatever becomes of its sender.
        world.executor.spawn(async move {
            carrier.travel().await;
            let result = if carrier.redis_is_away() {
                Err(RedisError::Unreachable("the connection was lost".to_owned()))
            } else {
                carrier.redis(&name, &arguments, host)
            };
            if let Some(truth) = truth
                && result.is_ok()
            {
                let server = carrier.server.borrow();
                let now = carrier.checker.borrow().truth(&server.keyspace);
                truth.borrow_mut().get_or_insert(now);
            }
            carrier.travel().await;
            let _ = tell.send(result);
        });
        let result = told.await;
        world.told(self.host).await;
        match result {
            Ok(result) if !is_lost_after => {
                if matches!(result, Err(RedisError::Unreachable(_))) {
                    self.is_lost.set(true);
                }
                result.map(|answer| world.understood(self.host, answer))
            }
            _ => self.lost(),
        }
    }
}
