//! How many members each group has: one large group, then a long tail, adding up to what was asked for.

/// Sizes of `groups` groups, largest first, adding up to `total` where the limits allow it: no group
/// holds more than `largest`, nor more than the `people` there are.
pub(super) fn sizes(groups: usize, total: usize, largest: usize, people: usize) -> Vec<usize> {
    let mut sizes = vec![0; groups];
    if groups == 0 {
        return sizes;
    }
    let cap = largest.min(people);
    sizes[0] = cap.min(total);
    let mut left = total - sizes[0];
    // A few groups stay empty, as in every tenant, as long as the rest can take the members.
    let mut filled = groups - groups / 25;
    if (filled - 1).saturating_mul(cap) < left {
        filled = groups;
    }
    let tail = &mut sizes[1..filled.max(1)];
    let weights: Vec<f64> = (0..tail.len())
        .map(|rank| 1.0 / (rank as f64 + 1.5).powf(0.85))
        .collect();
    // Groups that reach the cap leave members over for the others, so the sharing is repeated.
    while left > 0 {
        let open: f64 = tail
            .iter()
            .zip(&weights)
            .filter(|(size, _)| **size < cap)
            .map(|(_, w)| w)
            .sum();
        if open <= 0.0 {
            break;
        }
        let pot = left as f64;
        let mut given = 0;
        for (size, weight) in tail.iter_mut().zip(&weights) {
            let share = (pot * weight / open) as usize;
            let more = share.min(cap - *size).min(left - given);
            *size += more;
            given += more;
        }
        if given == 0 {
            for size in tail.iter_mut().filter(|size| **size < cap) {
                if given == left {
                    break;
                }
                *size += 1;
                given += 1;
            }
        }
        left -= given;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_the_largest_is_the_largest() {
        for (groups, total, largest, people) in [
            (75, 1500, 200, 400),
            (1, 50, 200, 400),
            (100_000, 5_000_000, 50_000, 1_000_000),
            (10, 95, 10, 400),
        ] {
            let sizes = sizes(groups, total, largest, people);
            assert_eq!(sizes.iter().sum::<usize>(), total);
            assert_eq!(sizes[0], largest.min(total));
            assert!(sizes.iter().all(|size| *size <= sizes[0]));
        }
    }

    #[test]
    fn impossible_totals_fill_what_there_is() {
        assert_eq!(sizes(3, 1000, 100, 20), vec![20, 20, 20]);
        assert_eq!(sizes(0, 10, 10, 10), Vec::<usize>::new());
        assert_eq!(sizes(1, 1000, 100, 20), vec![20]);
    }

    #[test]
    fn the_tail_is_long() {
        let sizes = sizes(1000, 20_000, 2_000, 10_000);
        assert!(sizes[1] > 10 * sizes[900]);
        assert!(sizes[999] == 0);
    }
}
