//! What the demonstration says: to standard output with colours where it is a terminal, and the same without into the
//! transcript.

use crate::cli::say;
use std::io::IsTerminal as _;
use std::time::Duration;

use chrono::NaiveDate;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize as _;

/// How wide headings are.
const WIDTH: usize = 100;

/// Says what happens.
#[derive(Debug, Default)]
pub struct Narration {
    transcript: String,
    chapter_count: usize,
}

impl Narration {
    /// Everything said so far, without colours.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// A line as it is.
    pub fn line(&mut self, line: &str) {
        say!("{line}");
        self.transcript.push_str(&anstream::adapter::strip_str(line).to_string());
        self.transcript.push('\n');
    }

    /// A part of the story begins.
    pub fn chapter(&mut self, title: &str) {
        self.chapter_count += 1;
        let heading = format!("{}. {title} ", self.chapter_count);
        let rule = "━".repeat(WIDTH.saturating_sub(heading.chars().count()));
        self.line("");
        self.line(&format!("{}{}", heading.bold().cyan(), rule.cyan().dimmed()));
    }

    /// A day begins.
    pub fn day(&mut self, date: NaiveDate) {
        let heading = date.format("%A, %-d %B %Y").to_string();
        self.line("");
        self.line(&format!("  {}", heading.bold().yellow()));
    }

    /// Somebody does something.
    pub fn step(&mut self, who: &str, what: &str) {
        self.line(&format!("  {} {}  {what}", "•".cyan(), format!("{who:<7}").bold()));
    }

    /// What came of it.
    pub fn came(&mut self, what: &str) {
        self.line(&format!("             {} {what}", "→".dimmed()));
    }

    /// In small print.
    pub fn note(&mut self, what: &str) {
        self.line(&format!("               {}", what.dimmed()));
    }

    /// Something was checked and is right.
    pub fn right(&mut self, what: &str) {
        self.line(&format!("             {} {what}", "✓".green().bold()));
    }

    /// A table; columns that are named here stand to the right.
    pub fn table(&mut self, header: &[&str], rows: &[Vec<String>], right: &[usize]) {
        let mut table = Table::new();
        let rule = LineStyle::none().fill('─').junction('─');
        table
            .load_style(TableStyle::new().header_separator(rule))
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(header.iter().map(|title| (*title).to_owned()));
        table.add_rows(rows.iter().cloned());
        for column in right {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        for (index, line) in table.to_string().lines().enumerate() {
            let line = line.trim_end();
            match index {
                0 => self.line(&format!("  {}", line.bold())),
                1 => self.line(&format!("  {}", line.dimmed())),
                _ => self.line(&format!("  {line}")),
            }
        }
    }

    /// A progress line for something that takes a while; nothing where there is no terminal.
    pub fn progress(what: &str, count: u64) -> ProgressBar {
        let target =
            if std::io::stdout().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(count), target);
        if let Ok(style) =
            ProgressStyle::with_template("  {spinner:.cyan} {prefix} {bar:24.cyan/dim} {pos}/{len} {msg:.dim}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(80));
        bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transcript_has_no_colours() {
        let mut said = Narration::default();
        said.chapter("A beginning");
        said.step("whm1", &format!("makes {}", "alder".bold()));
        said.table(&["a", "b"], &[vec!["one".into(), "2".into()]], &[1]);
        assert!(said.transcript().contains("1. A beginning ━"), "{}", said.transcript());
        assert!(said.transcript().contains("• whm1     makes alder\n"), "{}", said.transcript());
        assert!(!said.transcript().contains('\u{1b}'));
    }
}
