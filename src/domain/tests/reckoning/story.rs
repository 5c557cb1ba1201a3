//! A subscription's story: facts are told, passes are billed, and what was billed is kept as a daemon would keep it.
//! After every pass the story checks what must hold whatever happened.

use billet_domain::due::{Charge, Due, due};
use billet_domain::money::Currency;
use billet_domain::owed::{State, Statement, Usage, Window, ends_on, owed, state_on};
use billet_domain::period::Period;
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{Fact, FactError, FactKind, Timeline};
use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::books::Books;
use crate::catalogue::day;

pub struct Story {
    book: TermsBook,
    currency: Currency,
    timeline: Timeline,
    usage: Usage,
    told: i64,
    books: Books,
    /// The next window's `after`, unless something was told since.
    settled: Option<NaiveDate>,
    next_point: Option<NaiveDate>,
}

impl Story {
    pub fn new(book: TermsBook) -> Self {
        Self {
            book,
            currency: Currency::EUR,
            timeline: Timeline::default(),
            usage: Usage::default(),
            told: 0,
            books: Books::default(),
            settled: None,
            next_point: None,
        }
    }

    pub fn in_currency(mut self, code: &str) -> Self {
        self.currency = code.parse().expect("a currency");
        self
    }

    fn fact(&self, on: NaiveDate, kind: FactKind) -> Fact {
        Fact { on, at_us: self.told, key: format!("fact {:04}", self.told), kind }
    }

    /// Whether a fact would be taken.
    pub fn would_take(&self, on: &str, kind: FactKind) -> Result<(), FactError> {
        self.timeline.admit(&self.fact(day(on), kind), &self.book)
    }

    /// A fact happens, or is heard of later; of two on one day the one told first happened first.
    pub fn tell(&mut self, on: &str, kind: FactKind) {
        let fact = self.fact(day(on), kind);
        self.timeline.admit(&fact, &self.book).expect("a fact that makes sense");
        self.timeline = self.timeline.with(fact);
        self.told += 1;
        self.settled = None;
    }

    pub fn used(&mut self, on: &str, quantity: Decimal) {
        self.usage.add("traffic", day(on), quantity);
        self.settled = None;
    }

    pub fn state(&self, on: &str) -> State {
        state_on(&self.timeline, &self.book, day(on)).expect("a state")
    }

    pub fn ends_on(&self) -> Option<String> {
        ends_on(&self.timeline, &self.book).expect("known terms").map(|day| day.to_string())
    }

    /// When the last pass said that there would be more.
    pub fn next_point(&self) -> Option<String> {
        self.next_point.map(|day| day.to_string())
    }

    /// The sum of all that was charged and credited.
    pub fn total(&self) -> String {
        self.currency.units(self.books.total()).to_string()
    }

    /// Bills everything up to a date and says what went on the invoice.
    pub fn bill(&mut self, until: &str) -> Vec<String> {
        let until = day(until);
        let Due { charges, settled_until } = self.due(until);
        self.compare_with_the_window(until, &charges);
        self.books.post(&charges);
        assert_eq!(self.due(until), Due { charges: vec![], settled_until }, "a second pass bills nothing");
        self.books.check_credits();
        self.check_next_point(until);
        self.settled = settled_until;
        charges.iter().map(|charge| self.line(charge)).collect()
    }

    fn statement(&self, window: Window) -> Statement {
        owed(&self.timeline, &self.book, &self.usage, window).expect("small numbers")
    }

    fn due(&self, until: NaiveDate) -> Due {
        let statement = self.statement(Window::until(until));
        due(&statement, &self.books.remaining(), self.currency).expect("small numbers")
    }

    /// Where nothing was told since the last pass, the window after it says the same as everything against all lines.
    fn compare_with_the_window(&self, until: NaiveDate, charges: &[Charge]) {
        let Some(settled) = self.settled else { return };
        let window = self.statement(Window { after: Some(settled), until });
        assert_eq!(due(&window, &[], self.currency).expect("small numbers").charges, charges, "the window differs");
        assert_eq!(window.next_point, self.statement(Window::until(until)).next_point);
    }

    /// Nothing is owed before the next point.
    fn check_next_point(&mut self, until: NaiveDate) {
        self.next_point = self.statement(Window::until(until)).next_point;
        let before =
            self.next_point.map_or(until + chrono::Duration::days(1_000), |next| next.pred_opt().expect("in range"));
        assert_eq!(self.statement(Window { after: Some(until), until: before }).owed, []);
    }

    fn line(&self, charge: &Charge) -> String {
        let (name, Period { from, to }) = (&charge.rating.name, charge.period);
        let amount = self.currency.units(charge.amount_minor);
        let quantity = charge.rating.quantity.normalize();
        let quantity = if quantity == Decimal::ONE { String::new() } else { format!(" x {quantity}") };
        format!("{name}{quantity} {from}..{to} {amount}")
    }
}
