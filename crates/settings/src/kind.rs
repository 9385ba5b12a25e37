//! What kinds of values settings have: each reads its text, and says what is allowed.

/// A kind of value, with its bounds.
pub trait Kind {
    /// What is allowed, for people: unit, bounds, form.
    fn allowed(&self) -> String;
}

/// A kind that is a number.
pub trait Number: Kind {
    /// What the text is read as.
    type Value;

    /// Reads a value; `None` = not allowed.
    fn parse(&self, text: &str) -> Option<Self::Value>;
}

/// What a whole number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, which the setting's meaning names.
    Count,
    Seconds,
    Milliseconds,
}

/// A whole number.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    pub min: u32,
    pub max: u32,
    pub unit: Unit,
}

impl Whole {
    pub(crate) const fn count(min: u32, max: u32) -> Self {
        Self { min, max, unit: Unit::Count }
    }

    pub(crate) const fn seconds(min: u32, max: u32) -> Self {
        Self { min, max, unit: Unit::Seconds }
    }

    pub(crate) const fn milliseconds(min: u32, max: u32) -> Self {
        Self { min, max, unit: Unit::Milliseconds }
    }
}

impl Kind for Whole {
    fn allowed(&self) -> String {
        let Self { min, max, unit } = self;
        let of = match unit {
            Unit::Count => "",
            Unit::Seconds => " of seconds",
            Unit::Milliseconds => " of milliseconds",
        };
        format!("a whole number{of} from {min} to {max}")
    }
}

impl Number for Whole {
    type Value = u32;

    fn parse(&self, text: &str) -> Option<u32> {
        text.parse().ok().filter(|number| (self.min..=self.max).contains(number))
    }
}

/// Seconds, fractions allowed; read as milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Seconds {
    pub min_ms: u64,
    pub max_ms: u64,
}

impl Kind for Seconds {
    fn allowed(&self) -> String {
        let (min, max) = (in_units(self.min_ms), in_units(self.max_ms));
        format!("seconds from {min} to {max}, with up to three decimals")
    }
}

impl Number for Seconds {
    type Value = u64;

    fn parse(&self, text: &str) -> Option<u64> {
        thousandths(text).filter(|ms| (self.min_ms..=self.max_ms).contains(ms))
    }
}

/// A factor such as 1.5; read as a whole number of percent.
#[derive(Clone, Copy, Debug)]
pub struct Factor {
    pub min_percent: u32,
    pub max_percent: u32,
}

impl Kind for Factor {
    fn allowed(&self) -> String {
        let units = |percent: u32| in_units(u64::from(percent) * 10);
        let (min, max) = (units(self.min_percent), units(self.max_percent));
        format!("a number from {min} to {max}, with up to two decimals")
    }
}

impl Number for Factor {
    type Value = u32;

    fn parse(&self, text: &str) -> Option<u32> {
        let thousandths = thousandths(text).filter(|thousandths| thousandths % 10 == 0);
        let percent = thousandths.and_then(|thousandths| u32::try_from(thousandths / 10).ok());
        percent.filter(|percent| (self.min_percent..=self.max_percent).contains(percent))
    }
}

/// Text of a form that its reader knows.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// What is allowed; `{min}` and `{max}` in it stand for the bounds.
    form: &'static str,
    /// Bounds of what the form says: bytes of a secret, entries of a list.
    pub min: usize,
    pub max: usize,
}

impl Text {
    pub(crate) const fn of(form: &'static str) -> Self {
        Self::bounded(form, 0, usize::MAX)
    }

    pub(crate) const fn bounded(form: &'static str, min: usize, max: usize) -> Self {
        Self { form, min, max }
    }

    /// Whether a size is within the bounds.
    pub(crate) fn holds(&self, size: usize) -> bool {
        (self.min..=self.max).contains(&size)
    }
}

impl Kind for Text {
    fn allowed(&self) -> String {
        let bound = |text: String, name, bound: usize| text.replace(name, &bound.to_string());
        bound(bound(self.form.to_owned(), "{min}", self.min), "{max}", self.max)
    }
}

/// A plain decimal number of up to three places, in thousandths.
fn thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let scale = match fraction.len() {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return None,
    };
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(fraction * scale)
}

/// Thousandths as a person writes them: `0.2`, `3600`.
fn in_units(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
    }
}
