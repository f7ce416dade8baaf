//! Figures of several targets side by side.

use std::fmt::Write as _;

/// A figure of a case.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) what: &'static str,
    /// How many are shown.
    pub(crate) decimals: usize,
    /// For each target one value for each round; none where it has no such figure. The first target is Hallmark.
    pub(crate) values: Vec<Vec<f64>>,
    /// The same of Hallmark's time in the kernel, where that means something.
    pub(crate) kernel: Option<Vec<f64>>,
}

/// Medians, and Hallmark's divided by those of the others.
pub(crate) fn table(names: &[&str], rows: &[Row]) -> String {
    let mut text = format!("| | | {} |", names.join(" | "));
    for name in names.iter().skip(1) {
        write!(text, " Hallmark ÷ {name} |").expect("writing to a string");
    }
    text.push_str(" Hallmark's in the kernel |\n");
    text.push_str(&"|---".repeat(2 * names.len() + 2));
    text.push_str("|\n");
    for Row { case, what, decimals, values, kernel } in rows {
        let medians: Vec<_> = values.iter().map(|values| median(values.clone())).collect();
        let show = |value: f64, decimals: usize| {
            if value.is_finite() { format!(" {value:.decimals$} |") } else { " |".to_owned() }
        };
        write!(text, "| {case} | {what} |").expect("writing to a string");
        for value in &medians {
            text.push_str(&show(*value, *decimals));
        }
        for value in medians.iter().skip(1) {
            text.push_str(&show(medians[0] / value, 2));
        }
        let kernel = kernel.as_ref().map_or(f64::NAN, |values| median(values.clone()));
        text.push_str(&show(kernel, *decimals));
        text.push('\n');
    }
    text
}

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.is_empty() {
        f64::NAN
    } else if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn what_is_missing_is_left_blank() {
        let row = Row {
            case: "PUT",
            what: "MB/s",
            decimals: 0,
            values: vec![vec![3.0], vec![4.0], Vec::new()],
            kernel: None,
        };
        assert_eq!(
            table(&["Hallmark", "a", "b"], &[row]).lines().last(),
            Some("| PUT | MB/s | 3 | 4 | | 0.75 | | |")
        );
    }
}
