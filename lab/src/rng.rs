//! The lab's own random numbers: a small, seeded generator, so that a seed always tells the same story.

/// xoshiro256** seeded through SplitMix64. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: [u64; 4],
}

/// One SplitMix64 step: also used as a cheap, well-mixing hash of a number.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// A generator for `seed`; `stream` separates independent uses of the same seed.
    pub(crate) fn new(seed: u64, stream: &str) -> Self {
        let mut word = mix(seed);
        for byte in stream.bytes() {
            word = mix(word ^ u64::from(byte));
        }
        let mut state = [0; 4];
        for slot in &mut state {
            word = mix(word);
            *slot = word;
        }
        Self { state }
    }

    pub(crate) fn next(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number in `0..bound` (0 when the bound is 0).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent as usize
    }

    /// One of the choices; they must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    pub(crate) fn bytes(&mut self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.next().to_le_bytes());
        out[8..].copy_from_slice(&self.next().to_le_bytes());
        out
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `count` different numbers below `bound`, ascending.
    pub(crate) fn sample(&mut self, bound: usize, count: usize) -> Vec<u32> {
        let count = count.min(bound);
        if count * 4 >= bound {
            // Selection sampling: one pass, each number taken with the right probability.
            let mut out = Vec::with_capacity(count);
            for number in 0..bound {
                if self.below(bound - number) < count - out.len() {
                    out.push(number as u32);
                }
            }
            return out;
        }
        let mut out: Vec<u32> = Vec::with_capacity(count);
        loop {
            while out.len() < count {
                out.push(self.below(bound) as u32);
            }
            out.sort_unstable();
            out.dedup();
            if out.len() == count {
                return out;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_streams_differ() {
        let take = |seed, stream| {
            let mut rng = Rng::new(seed, stream);
            (0..8).map(|_| rng.next()).collect::<Vec<_>>()
        };
        assert_eq!(take(1, "a"), take(1, "a"));
        assert_ne!(take(1, "a"), take(1, "b"));
        assert_ne!(take(1, "a"), take(2, "a"));
    }

    #[test]
    fn samples_are_distinct_sorted_and_complete() {
        let mut rng = Rng::new(3, "sample");
        for (bound, count) in [(10, 10), (1000, 3), (1000, 900), (5, 0), (3, 9), (0, 4)] {
            let sample = rng.sample(bound, count);
            assert_eq!(sample.len(), count.min(bound));
            assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
            assert!(sample.iter().all(|&n| (n as usize) < bound));
        }
    }
}
