//! Figures, their limits, and how they are shown.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One point of the benchmark and what it came to.
pub struct Point {
    pub id: &'static str,
    pub title: &'static str,
    /// Why it could not be measured, else its figures.
    pub outcome: Result<Vec<Figure>, String>,
}

/// One figure: all samples; the median counts.
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub samples: Vec<f64>,
    /// At most this.
    pub limit: Option<f64>,
    /// What we are after, below the limit.
    pub aim: Option<f64>,
}

impl Figure {
    /// A figure that is only told.
    pub fn told(name: impl Into<String>, unit: &'static str, samples: Vec<f64>) -> Figure {
        Figure {
            name: name.into(),
            unit,
            samples,
            limit: None,
            aim: None,
        }
    }

    /// A figure with a limit.
    pub fn limited(
        name: impl Into<String>,
        unit: &'static str,
        samples: Vec<f64>,
        limit: f64,
    ) -> Figure {
        Figure {
            limit: Some(limit),
            ..Figure::told(name, unit, samples)
        }
    }

    pub fn median(&self) -> f64 {
        median(&self.samples)
    }

    /// Whether the limit holds; without samples it doesn't.
    fn holds(&self) -> bool {
        self.limit.is_none_or(|limit| self.median() <= limit)
    }
}

/// The middle, or between the two in the middle; NaN (which keeps no limit) without samples.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

/// The table for people.
pub fn table(machine: &Value, points: &[Point]) -> String {
    let text = |name: &str| machine[name].as_str().unwrap_or("?").to_owned();
    let mut out = format!(
        "\n{}, {} cores, {} GiB, {} {}, commit {}\n\n{:<3}{:<62}{:>11} {:<7}{:>10}  {:>7}\n",
        text("cpu"),
        machine["cores"],
        machine["memoryGib"],
        text("system"),
        text("kernel"),
        text("commit"),
        "",
        "figure (median)",
        "",
        "",
        "at most",
        "samples"
    );
    for point in points {
        let _ = writeln!(out, "{}  {}", point.id, point.title);
        let figures = match &point.outcome {
            Ok(figures) => figures,
            Err(why) => {
                let _ = writeln!(out, "   NOT MEASURED: {why}");
                continue;
            }
        };
        for figure in figures {
            let limit = figure.limit.map(number).unwrap_or_default();
            let remark = match (figure.holds(), figure.aim) {
                (false, _) => "  MISSED".to_owned(),
                (true, Some(aim)) if figure.median() > aim => format!("  (aim {})", number(aim)),
                _ => String::new(),
            };
            let _ = writeln!(
                out,
                "   {:<62}{:>11} {:<7}{:>10}  {:>7}{remark}",
                figure.name,
                number(figure.median()),
                figure.unit,
                limit,
                figure.samples.len()
            );
        }
    }
    out
}

fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 || v == v.trunc() => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Everything, for programs.
pub fn json(machine: &Value, points: &[Point], quick: bool, large: bool) -> String {
    let points: Vec<Value> = points
        .iter()
        .map(|point| {
            let figures: Vec<Value> = point.outcome.iter().flatten().map(|f| {
                json!({"name": f.name, "unit": f.unit, "median": f.median(), "limit": f.limit, "aim": f.aim,
                       "holds": f.holds(), "samples": f.samples})
            }).collect();
            json!({"id": point.id, "title": point.title, "error": point.outcome.as_ref().err(), "figures": figures})
        })
        .collect();
    let all = json!({"machine": machine, "quick": quick, "large": large, "points": points});
    format!("{all:#}\n")
}

/// An error that names what was missed.
pub fn verdict(points: &[Point]) -> Result<(), String> {
    let mut wrong = Vec::new();
    for point in points {
        match &point.outcome {
            Err(why) => wrong.push(format!("{} was not measured: {why}", point.id)),
            Ok(figures) => wrong.extend(figures.iter().filter(|f| !f.holds()).map(|f| {
                let limit = f.limit.unwrap_or(f64::NAN);
                format!(
                    "{} {}: {} {} instead of at most {}",
                    point.id,
                    f.name,
                    number(f.median()),
                    f.unit,
                    number(limit)
                )
            })),
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n       "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_are_in_the_middle_and_nothing_holds_without_samples() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(!Figure::limited("x", "", vec![], 1.0).holds());
        assert!(Figure::told("x", "", vec![]).holds());
        assert!(Figure::limited("x", "", vec![0.5, 1.0, 9.0], 1.0).holds());
    }

    #[test]
    fn a_missed_limit_and_a_failure_are_errors() {
        let point = |outcome| Point {
            id: "a",
            title: "t",
            outcome,
        };
        assert!(verdict(&[point(Ok(vec![Figure::limited("x", "s", vec![1.0], 1.0)]))]).is_ok());
        let missed = verdict(&[point(Ok(vec![Figure::limited("x", "s", vec![2.0], 1.0)]))]);
        assert_eq!(missed, Err("a x: 2 s instead of at most 1".into()));
        assert!(verdict(&[point(Err("no".into()))]).is_err());
    }
}
