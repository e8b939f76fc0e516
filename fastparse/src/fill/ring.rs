//! Records whose traces are kept, on their way to the thread that exports them. Bounded: the oldest make room.

use std::collections::VecDeque;

/// What waits, and what became of what came.
#[derive(Debug)]
pub struct Ring<T> {
    waiting: VecDeque<T>,
    capacity: usize,
    /// How many were put in.
    pub kept: u64,
    /// How many of them made room for newer ones.
    pub dropped: u64,
}

impl<T> Ring<T> {
    /// Holds `capacity` at most.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { waiting: VecDeque::new(), capacity, kept: 0, dropped: 0 }
    }

    /// Puts one in; returns the one that made room for it, and whether half of the room has just been filled.
    pub fn push(&mut self, item: T) -> (Option<T>, bool) {
        self.kept += 1;
        let waiting = self.waiting.len();
        let oldest = if waiting >= self.capacity {
            self.dropped += 1;
            self.waiting.pop_front()
        } else {
            None
        };
        self.waiting.push_back(item);
        (oldest, waiting == (self.capacity / 2).max(1))
    }

    /// Takes the oldest out.
    pub fn pop(&mut self) -> Option<T> {
        self.waiting.pop_front()
    }

    /// Takes all out.
    pub fn clear(&mut self) -> VecDeque<T> {
        std::mem::take(&mut self.waiting)
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut ring = Ring::new(4);
        let told: Vec<_> = (0..6).map(|number| ring.push(number)).collect();
        assert_eq!(
            told,
            [(None, false), (None, false), (None, true), (None, false), (Some(0), false), (Some(1), false)]
        );
        assert_eq!((ring.kept, ring.dropped, ring.len()), (6, 2, 4));
        assert_eq!(ring.pop(), Some(2));
        assert_eq!(ring.clear(), [3, 4, 5]);
        assert!(ring.is_empty());
    }
}
