//! What can go wrong, how often each of it does under a seed, and how often it did.

use crate::random::Random;

macro_rules! faults {
    ($($name:ident: $text:literal, $usual:literal;)*) => {
        /// Everything that can go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault { $($name,)* }

        impl Fault {
            /// Every fault there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// In words, for reports.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How often it happens in a seed that has it, at most, in a thousand chances.
            fn usual(self) -> u64 {
                match self { $(Self::$name => $usual,)* }
            }
        }
    };
}

faults! {
    RequestLost: "request to a node lost", 200;
    AnswerLost: "answer of a node lost", 200;
    RequestLate: "request reaches a node after its time-out", 200;
    OrphanLate: "call of a lost worker carried out later", 1_000;
    RequestTwice: "request reaches a node twice", 200;
    ConnectionRefused: "node refuses the connection", 160;
    AnswersOther4xx: "node answers 403 or 422", 120;
    Answers400: "node answers 400 and does nothing", 120;
    Answers5xxBefore: "node answers 5xx and did nothing", 200;
    Answers5xxAfter: "node answers 5xx and did it", 200;
    AnswersBusy: "node answers 429 or 503", 160;
    HangsBefore: "node hangs and did nothing", 120;
    HangsAfter: "node hangs and did it", 120;
    StaleConnection: "kept connection closed as it is used", 120;
    StrangerAnswers: "something else answers for a node", 120;
    StrangerStays: "something else answers for a node for a while", 20;
    NodeRestart: "node restarts and keeps its groups", 20;
    NodeAmnesia: "node restarts and loses its groups", 4;
    NodeAway: "node away for a while", 40;
    NodeMoody: "node refuses every other change for a while", 40;
    ForeignChange: "somebody else changes a node", 4;
    WorkerCrash: "worker lost at an effect", 12;
    UndoCrash: "worker lost over an undo", 100;
    WorkerKilled: "worker lost at any time", 12;
    WorkerFrozen: "worker frozen", 40;
    Poison: "task kills every worker that carries it out", 100;
    HostRestart: "idle host restarts and misses its messages", 20;
    WakeLost: "wake-up lost", 200;
    RedisLostBefore: "connection to Redis lost before the command", 15;
    RedisLostAfter: "connection to Redis lost after the command", 15;
    RedisAway: "Redis away for a while", 5;
    RedisRestart: "Redis restarts and forgets its scripts", 5;
    RedisFull: "Redis full for a while", 5;
    RedisMute: "Redis lets nobody publish for a while", 5;
    HostDeaf: "host no longer hears wake-ups, and Redis thinks it does", 10;
    ClockForward: "Redis's clock steps forward", 4;
    ClockBack: "Redis's clock steps back", 4;
    ClockHoursForward: "Redis's clock steps forward by hours", 8;
    ClockHoursBack: "Redis's clock steps back by hours", 8;
}

impl Fault {
    /// Whether a task may fail because of it.
    #[must_use]
    pub fn may_fail_a_task(self) -> bool {
        !matches!(self, Self::HostRestart | Self::WakeLost | Self::ClockBack)
    }

    /// Whether a callback may be sent twice or late because of it: all that befalls workers and Redis.
    #[must_use]
    pub fn may_disturb_a_callback(self) -> bool {
        self >= Self::WorkerCrash
    }
}

/// How often each fault happens, in a thousand chances.
#[derive(Clone, Debug)]
pub struct Rates(Vec<u64>);

impl Rates {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self(vec![0; Fault::ALL.len()])
    }

    /// As a seed draws them: some seeds know few faults and some many, rare ones or frequent ones.
    pub fn draw(random: &mut Random) -> Self {
        let share = random.pick(&[0, 100, 250, 500, 1_000]);
        let severity = random.pick(&[1, 1, 2, 3]);
        let draw = |fault: &Fault| {
            if random.happens(share) { random.between(1, severity * fault.usual()) } else { 0 }
        };
        Self(Fault::ALL.iter().map(draw).collect())
    }

    /// How often this one happens.
    #[must_use]
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }
}
