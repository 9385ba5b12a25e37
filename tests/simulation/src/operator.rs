//! Operators: they retry and discard dead letters, one here and there, or page by page.

use std::rc::Rc;

use saga::{DeadLetter, Task};
use store::{DeadLetterFilter, DeadLetterRetry, Discarded, StoreError};

use crate::checker::Submitted;
use crate::client::TASK_TTL_S;
use crate::world::World;

impl World {
    pub(crate) async fn see_to_dead_letters(self: &Rc<Self>) -> Result<(), StoreError> {
        if self.draws(500) {
            return self.go_down_the_dead_letters().await;
        }
        let page = self.store().dead_letters(DeadLetterFilter::default(), None, 20).await?;
        let place = self.index(page.dead_letters.len());
        let Some(view) = page.dead_letters.get(place) else { return Ok(()) };
        let dead_letter = &view.dead_letter;
        if self.between(0, 3) == 0 {
            self.checker.borrow_mut().discards(&dead_letter.id);
            // Any of its tasks will do to name it.
            let id = &view.names[self.index(view.names.len())];
            let discarded =
                self.store().discard_dead_letter(id, "an operator", None, TASK_TTL_S).await?;
            self.say(&format!("an operator discards {id}: {discarded:?}"));
            if discarded == Discarded::Yes {
                self.report.borrow_mut().count("dead letters discarded", 1);
            }
            return Ok(());
        }
        self.retry(dead_letter).await
    }

    /// An operator goes down the list page by page, and retries one here and there. Whatever becomes
    /// of those meanwhile, no other is passed over.
    async fn go_down_the_dead_letters(self: &Rc<Self>) -> Result<(), StoreError> {
        let mut missed = self.checker.borrow().all_dead_letters();
        let limit = self.between(1, 3);
        let mut cursor = None;
        loop {
            let filter = DeadLetterFilter::default();
            let page = self.store().dead_letters(filter, cursor.as_ref(), limit).await?;
            self.report.borrow_mut().count("pages of dead letters", 1);
            for view in page.dead_letters {
                missed.remove(&view.dead_letter.id);
                if self.draws(700) {
                    self.retry(&view.dead_letter).await?;
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            let ms = self.between(0, 300);
            self.executor.sleep(ms).await;
        }
        let listed = self.checker.borrow().all_dead_letters();
        if let Some(id) = missed.intersection(&listed).next() {
            let what = format!("dead letter {id} is on the list, and on none of its pages");
            self.checker.borrow_mut().violate(what);
        }
        Ok(())
    }

    async fn retry(self: &Rc<Self>, dead_letter: &DeadLetter) -> Result<(), StoreError> {
        let id = format!("t{}", self.fresh());
        let task = Task::retry(id.clone(), dead_letter.clone(), self.policy());
        self.checker.borrow_mut().submits(Submitted {
            id: id.clone(),
            group: dead_letter.group_id.clone(),
            operation: dead_letter.operation,
            nodes: vec![dead_letter.node.trim_start_matches('n').parse().expect("a node of ours")],
            dead_letter: Some(dead_letter.id.clone()),
            key: None,
        });
        let retried =
            self.store().retry_dead_letter(dead_letter, &task, "an operator", TASK_TTL_S).await?;
        self.say(&format!("an operator retries {} as {id}: {retried:?}", dead_letter.id));
        if retried == DeadLetterRetry::Accepted {
            self.report.borrow_mut().count("dead letters retried", 1);
            self.checker.borrow_mut().promised(&id);
            self.desk.borrow_mut().tasks.push((id, None));
        }
        Ok(())
    }

    /// Starts an operator who retries every dead letter there is, and watches what comes of it.
    pub(crate) fn start_retrying_all(self: &Rc<Self>) {
        let world = Rc::clone(self);
        self.desk.borrow_mut().at_work += 1;
        self.executor.spawn(async move {
            let (limit, mut cursor) = (world.between(1, 4), None);
            loop {
                let filter = DeadLetterFilter::default();
                let page = world.store().dead_letters(filter, cursor.as_ref(), limit).await;
                let Ok(page) = page else { break };
                for view in page.dead_letters {
                    let _ = world.retry(&view.dead_letter).await;
                }
                let ms = world.between(0, 300);
                world.executor.sleep(ms).await;
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            world.desk.borrow_mut().at_work -= 1;
            // As clients do. A drain that died within its registration still counts as one that sees
            // what is accepted, so that the acceptance itself wakes nobody.
            while !world.checker.borrow().is_at_rest() {
                world.executor.sleep(500).await;
                let _ = world.poll_one().await;
            }
        });
    }
}
