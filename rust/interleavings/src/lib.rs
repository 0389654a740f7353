//! The data plane's queue between threads, with loom's locks in the place of the standard library's:
//! its tests run under every order in which threads can meet there.

#[allow(dead_code, reason = "tests alone use it")]
#[path = "../../dataplane/src/queue.rs"]
mod queue;

mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use std::sync::PoisonError;
}

#[cfg(test)]
mod tests {
    use loom::sync::atomic::{AtomicUsize, Ordering};
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    use crate::queue::Queue;

    /// A wake-up that is kept until it is waited for, as a pipe or an eventfd keeps it.
    struct Wake {
        pending: Mutex<usize>,
        changed: Condvar,
    }

    impl Wake {
        fn wake(&self) {
            *self.pending.lock().unwrap() += 1;
            self.changed.notify_one();
        }

        fn wait(&self) {
            let mut pending = self.pending.lock().unwrap();
            while *pending == 0 {
                pending = self.changed.wait(pending).unwrap();
            }
            *pending -= 1;
        }
    }

    /// Runs `scene` under every order with up to three switches that no thread asked for: most faults of
    /// this kind need two (Musuvathi and Qadeer, PLDI 2007).
    fn every_order(scene: impl Fn() + Send + Sync + 'static) {
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(scene);
    }

    #[test]
    fn whatever_two_threads_append_is_taken_and_each_in_its_order() {
        every_order(|| {
            let queue = Arc::new(Queue::<(usize, usize)>::new());
            let wake = Arc::new(Wake { pending: Mutex::new(0), changed: Condvar::new() });
            let threads: Vec<_> = (0..2)
                .map(|thread| {
                    let (queue, wake) = (Arc::clone(&queue), Arc::clone(&wake));
                    thread::spawn(move || {
                        for number in 0..2 {
                            if queue.append(|()| Some((thread, number))) {
                                wake.wake();
                            }
                        }
                    })
                })
                .collect();
            let mut taken = Vec::new();
            // A wake-up that is missing would end this as a deadlock, which loom finds.
            while taken.len() < 4 {
                wake.wait();
                taken.extend(queue.take().0);
            }
            for thread in threads {
                thread.join().unwrap();
            }
            for thread in 0..2 {
                let its: Vec<usize> =
                    taken.iter().filter(|(from, _)| *from == thread).map(|(_, n)| *n).collect();
                assert_eq!(its, [0, 1]);
            }
        });
    }

    #[test]
    fn what_is_counted_beside_is_taken_once() {
        every_order(|| {
            let queue = Arc::new(Queue::<(), usize>::new());
            let counted = Arc::new(AtomicUsize::new(0));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let queue = Arc::clone(&queue);
                    thread::spawn(move || {
                        let _ = queue.append(|dropped| {
                            *dropped += 1;
                            None
                        });
                    })
                })
                .collect();
            counted.fetch_add(queue.take().1, Ordering::Relaxed);
            for thread in threads {
                thread.join().unwrap();
            }
            counted.fetch_add(queue.take().1, Ordering::Relaxed);
            assert_eq!(counted.load(Ordering::Relaxed), 2);
        });
    }
}
