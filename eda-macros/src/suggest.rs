//! "Did you mean": the nearest of the known words.

/// What to append to a message about an unknown word: the nearest known one, or all of them.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    let near = known.iter().map(|other| (distance(word, other), *other)).min();
    match near {
        Some((distance, other)) if distance <= 1 + other.len() / 3 => format!(": did you mean `{other}`?"),
        Some(_) => format!(": there are `{}`", known.join("`, `")),
        None => String::new(),
    }
}

/// How many letters have to be added, removed, replaced or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<_>, Vec<_>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = rows[i][j] + usize::from(a != b);
            let swapped =
                if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b { rows[i - 1][j - 1] + 1 } else { replaced };
            row.push(replaced.min(swapped).min(rows[i][j + 1] + 1).min(row[j] + 1));
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_suggested() {
        let keys = || ["retries", "backoff", "queue"].into_iter();
        assert_eq!(nearest("retrys", keys()), ": did you mean `retries`?");
        assert_eq!(nearest("queeu", keys()), ": did you mean `queue`?");
        assert_eq!(nearest("color", keys()), ": there are `retries`, `backoff`, `queue`");
        assert_eq!(nearest("color", [].into_iter()), "");
    }
}
