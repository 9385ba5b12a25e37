//! What goes wrong at any time, whoever is doing what.

use std::rc::Rc;

use crate::fault::Fault;
use crate::stranger::Stranger;
use crate::world::World;

/// How often each of these is drawn for.
const TICK_MS: u64 = 50;
const HOUR_MS: u64 = 3_600_000;
/// So far ahead Redis's clock may get, which is less than ended tasks are kept.
const AHEAD_MS_MAX: i64 = 12 * 3_600_000;

impl World {
    /// Starts the trouble. It ends when the world is healed, for then nothing fires.
    pub(crate) fn start_chaos(self: &Rc<Self>) {
        let world = Rc::clone(self);
        self.executor.spawn(async move {
            while !world.desk.borrow().is_closed {
                world.strike();
                world.executor.sleep(TICK_MS).await;
            }
        });
    }

    fn strike(&self) {
        let lease_ms = self.limits.lease_ms;
        let host = self.index(self.hosts.borrow().len());
        let is_busy = self.hosts.borrow()[host].drain.is_some();
        if is_busy && self.fires(Fault::WorkerKilled) {
            self.crash(host);
        }
        let rate = self.rates.borrow().of(Fault::WorkerFrozen);
        if is_busy && self.draws(rate) {
            self.freeze(host);
        }
        let node = self.index(self.nodes.borrow().len());
        if self.fires(Fault::NodeAway) {
            self.take_away(node, 2 * lease_ms);
        }
        if self.fires(Fault::StrangerStays) {
            let until_ms = self.executor.now_ms() + self.between(1, 2 * lease_ms);
            self.nodes.borrow_mut()[node].stranger = Some((Stranger::draw(self), until_ms));
        }
        if self.fires(Fault::NodeMoody) {
            let until_ms = self.executor.now_ms() + self.between(1, 8 * lease_ms);
            self.nodes.borrow_mut()[node].moody_until_ms = until_ms;
        }
        if self.fires(Fault::NodeRestart) {
            self.take_away(node, 200);
        }
        if self.fires(Fault::NodeAmnesia) {
            self.take_away(node, 200);
            for group in self.desk.borrow().groups.clone() {
                if self.checker.borrow().holds(node, &group) {
                    self.meddle(&(node, group), false);
                }
            }
        }
        if self.fires(Fault::ForeignChange) {
            let groups = self.desk.borrow().groups.clone();
            let place = self.index(groups.len());
            let group = groups[place].clone();
            let held = self.checker.borrow().holds(node, &group);
            self.meddle(&(node, group), !held);
        }
        self.strike_redis();
    }

    fn strike_redis(&self) {
        let lease_ms = self.limits.lease_ms;
        if self.fires(Fault::RedisAway) {
            let ms = self.between(1, 2 * lease_ms);
            self.server.borrow_mut().away_until_ms = self.executor.now_ms() + ms;
        }
        if self.fires(Fault::RedisRestart) {
            let ms = self.between(1, 300);
            let mut server = self.server.borrow_mut();
            server.away_until_ms = self.executor.now_ms() + ms;
            server.scripts.clear();
        }
        if self.fires(Fault::RedisFull) {
            let ms = self.between(1, 3 * lease_ms);
            self.server.borrow_mut().full_until_ms = self.executor.now_ms() + ms;
        }
        if self.fires(Fault::RedisMute) {
            let ms = self.between(1, 3 * lease_ms);
            self.server.borrow_mut().mute_until_ms = self.executor.now_ms() + ms;
        }
        let host = self.index(self.hosts.borrow().len());
        if self.fires(Fault::HostDeaf) {
            let ms = self.between(1, 5_000);
            self.hosts.borrow_mut()[host].deaf_until_ms = self.executor.now_ms() + ms;
        }
        if self.fires(Fault::ClockHoursBack) {
            let ms = self.between(HOUR_MS / 2, 3 * HOUR_MS);
            self.step_clock(-i64::try_from(ms).unwrap_or(0));
        }
        if self.fires(Fault::ClockBack) {
            let ms = self.between(1, 2 * lease_ms);
            self.step_clock(-i64::try_from(ms).unwrap_or(0));
        }
        // A small step forward makes leases end early. The promises hold as long as all steps within
        // one lease stay well below it, so that is what there is: no more than one, of a fifth. A large
        // one is noticed, if it is the only one within a lease.
        let is_steady = self.executor.now_ms() >= self.steady_at_ms.get();
        if is_steady && self.fires(Fault::ClockForward) {
            self.steady_at_ms.set(self.executor.now_ms() + 3 * lease_ms);
            let ms = self.between(1, lease_ms / 5);
            self.step_clock(i64::try_from(ms).unwrap_or(0));
        }
        let is_steady = self.executor.now_ms() >= self.steady_at_ms.get();
        let ahead_ms = self.server.borrow().clock_step_ms;
        if is_steady && ahead_ms < AHEAD_MS_MAX && self.fires(Fault::ClockHoursForward) {
            self.steady_at_ms.set(self.executor.now_ms() + 3 * lease_ms);
            let ms = self.between(HOUR_MS / 2, 3 * HOUR_MS);
            self.step_clock(i64::try_from(ms).unwrap_or(0));
        }
    }

    fn step_clock(&self, by_ms: i64) {
        self.say(&format!("Redis's clock steps by {by_ms} ms"));
        self.server.borrow_mut().clock_step_ms += by_ms;
        self.rings.borrow_mut().forget();
        if let Ok(by_ms) = u64::try_from(by_ms) {
            self.checker.borrow_mut().steps.push((self.executor.now_ms(), by_ms));
        }
    }

    fn take_away(&self, node: usize, most_ms: u64) {
        let until_ms = self.executor.now_ms() + self.between(1, most_ms);
        self.nodes.borrow_mut()[node].away_until_ms = until_ms;
    }
}
