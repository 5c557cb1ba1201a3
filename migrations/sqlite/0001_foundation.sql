-- The foundation. Instants are microseconds UTC, dates ISO 8601 text, decimals text, money minor units, ids from one
-- allocator for all tables. Every table of a seller has seller_id first in its key.

-- Ids are handed out in blocks: a daemon takes a block in a transaction of its own and never gives it back.
CREATE TABLE id_blocks (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    next_id INTEGER NOT NULL
) STRICT;
INSERT INTO id_blocks (singleton, next_id) VALUES (1, 1);

CREATE TABLE sellers (
    id INTEGER PRIMARY KEY,
    parent_id INTEGER REFERENCES sellers (id),
    party TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    language TEXT NOT NULL,
    payment_term_days INTEGER NOT NULL,
    credit_policy TEXT NOT NULL,
    tax_rules TEXT NOT NULL,
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    nightly_run_at TEXT NOT NULL,
    bill_changes_at_once INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sellers_by_parent ON sellers (parent_id, id);
-- The operator, the one seller without a parent, exists once.
CREATE UNIQUE INDEX sellers_operator ON sellers (coalesce(parent_id, 0)) WHERE parent_id IS NULL;

-- The head of each seller's journal: where the next event is chained to.
CREATE TABLE journal_heads (
    seller_id INTEGER PRIMARY KEY REFERENCES sellers (id),
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    seller_id INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    data TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seller_id, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_subject ON events (seller_id, subject, sequence);

CREATE TABLE tokens (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    roles TEXT NOT NULL,
    instance_id INTEGER,
    customer_id INTEGER,
    expires_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;

-- What a mutating call answered, so that its repetition answers the same.
CREATE TABLE requests (
    seller_id INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    response BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, request_id)
) STRICT, WITHOUT ROWID;

-- last_issued_on is empty before the first number; a series never goes back in time.
CREATE TABLE series (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    document_kind TEXT NOT NULL,
    id INTEGER NOT NULL,
    pattern TEXT NOT NULL,
    yearly INTEGER NOT NULL,
    last_issued_on TEXT NOT NULL,
    next_number INTEGER NOT NULL CHECK (next_number > 0),
    PRIMARY KEY (seller_id, document_kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    plugin TEXT NOT NULL,
    name TEXT NOT NULL,
    instance_group TEXT NOT NULL,
    url TEXT NOT NULL,
    unknown_customer TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, name)
) STRICT, WITHOUT ROWID;

-- How the daemon reaches an instance and how full it may get; a row only where that was set. Secrets are sealed, by name.
CREATE TABLE instance_settings (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    instance_id INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    concurrency_max INTEGER,
    maintenance INTEGER NOT NULL,
    accounts_max INTEGER,
    creates_max INTEGER,
    weight INTEGER NOT NULL,
    named_by_domain INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    number TEXT NOT NULL,
    party TEXT NOT NULL,
    search_text TEXT NOT NULL,
    business INTEGER NOT NULL,
    currency TEXT NOT NULL,
    language TEXT NOT NULL,
    payment_term_days INTEGER,
    grouping TEXT NOT NULL,
    credit_policy TEXT NOT NULL,
    allowance_percent TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, number)
) STRICT, WITHOUT ROWID;

-- What panels call a customer: the owner of accounts, one account, or a contact address.
CREATE TABLE customer_links (
    seller_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    customer_id INTEGER NOT NULL,
    PRIMARY KEY (seller_id, instance_id, kind, value),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX projects_by_customer ON projects (seller_id, customer_id, id);

CREATE TABLE plans (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    kind TEXT NOT NULL,
    orderable INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, code)
) STRICT, WITHOUT ROWID;

-- Never changed: a trigger refuses it.
CREATE TABLE plan_versions (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, plan_id, version),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
) STRICT, WITHOUT ROWID;

-- instance_id 0 with a group, or an instance with an empty group.
CREATE TABLE package_mappings (
    seller_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    instance_group TEXT NOT NULL,
    package TEXT NOT NULL,
    plan_id INTEGER NOT NULL,
    currency TEXT NOT NULL,
    cycle_unit TEXT NOT NULL,
    cycle_count INTEGER NOT NULL,
    quantities TEXT NOT NULL,
    PRIMARY KEY (seller_id, instance_id, instance_group, package),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE promotions (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    code TEXT NOT NULL,
    code_key TEXT NOT NULL,
    reduction TEXT NOT NULL,
    currency TEXT NOT NULL,
    cycles INTEGER NOT NULL,
    valid_from TEXT,
    valid_to TEXT,
    plan_ids TEXT NOT NULL,
    redemptions_per_customer_max INTEGER NOT NULL,
    redemptions_max INTEGER NOT NULL,
    redemption_count INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, code_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE promotion_redemptions (
    seller_id INTEGER NOT NULL,
    promotion_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    redeemed_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, promotion_id, subscription_id),
    FOREIGN KEY (seller_id, promotion_id) REFERENCES promotions (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX promotion_redemptions_by_customer ON promotion_redemptions (seller_id, promotion_id, customer_id);

-- revision is raised by every change; settled_until: everything with a billing point up to that day was billed and no
-- fact has come since (null: the whole timeline has to be compared); next_billing_on: when something is due next.
CREATE TABLE subscriptions (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    project_id INTEGER,
    parent_id INTEGER,
    currency TEXT NOT NULL,
    tax_inclusive INTEGER NOT NULL,
    label TEXT NOT NULL,
    instance_id INTEGER,
    external_ref TEXT,
    service_state TEXT NOT NULL,
    service_changed_at INTEGER NOT NULL,
    started_on TEXT NOT NULL,
    ends_on TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    revision INTEGER NOT NULL,
    settled_until TEXT,
    next_billing_on TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriptions_due ON subscriptions (seller_id, customer_id, id, next_billing_on) WHERE next_billing_on IS NOT NULL;
CREATE INDEX subscriptions_by_customer ON subscriptions (seller_id, customer_id, id);
CREATE INDEX subscriptions_by_account ON subscriptions (seller_id, instance_id, external_ref, started_at) WHERE external_ref IS NOT NULL;
-- One live account per name at a panel.
CREATE UNIQUE INDEX subscriptions_live_account ON subscriptions (seller_id, instance_id, external_ref)
    WHERE external_ref IS NOT NULL AND ended_at IS NULL;
CREATE INDEX subscriptions_by_parent ON subscriptions (seller_id, parent_id) WHERE parent_id IS NOT NULL;

-- What happened to a subscription; the key makes recording it twice impossible.
CREATE TABLE facts (
    seller_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    fact_key TEXT NOT NULL,
    effective_on TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    detail TEXT NOT NULL,
    actor TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, subscription_id, fact_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE usage_records (
    seller_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    record_key TEXT NOT NULL,
    metric TEXT NOT NULL,
    used_from TEXT NOT NULL,
    used_to TEXT NOT NULL,
    quantity TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, subscription_id, record_key)
) STRICT, WITHOUT ROWID;

-- Parties as they stood on a document, by the SHA-256 of their text: written once, shared by all documents that say the same.
CREATE TABLE snapshots (
    seller_id INTEGER NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (seller_id, hash)
) STRICT, WITHOUT ROWID;

-- A document is issued when it has a number; from then on a trigger refuses every change.
CREATE TABLE invoices (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    project_id INTEGER,
    kind TEXT NOT NULL,
    number TEXT,
    issue_date TEXT,
    due_date TEXT,
    currency TEXT NOT NULL,
    tax_inclusive INTEGER NOT NULL,
    net_minor INTEGER NOT NULL,
    tax_minor INTEGER NOT NULL,
    gross_minor INTEGER NOT NULL,
    breakdown TEXT NOT NULL,
    preceding TEXT NOT NULL,
    seller_snapshot TEXT NOT NULL,
    buyer_snapshot TEXT NOT NULL,
    note TEXT NOT NULL,
    run_id INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, number),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX invoices_by_customer ON invoices (seller_id, customer_id, created_at, id);
CREATE INDEX invoices_by_time ON invoices (seller_id, created_at, id);

-- The last key is what makes billing a day twice impossible: a second line for the same subscription, component,
-- interval and revision is refused, whatever bug or race asks for it.
CREATE TABLE invoice_lines (
    seller_id INTEGER NOT NULL,
    invoice_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    subscription_id INTEGER,
    plan_id INTEGER NOT NULL,
    component TEXT NOT NULL,
    kind TEXT NOT NULL,
    credits_line_id INTEGER NOT NULL,
    period_from TEXT,
    period_to TEXT,
    revision INTEGER NOT NULL,
    name TEXT NOT NULL,
    quantity TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    rating TEXT NOT NULL,
    amount_minor INTEGER NOT NULL,
    net_minor INTEGER NOT NULL,
    tax TEXT NOT NULL,
    allowance_percent TEXT NOT NULL,
    PRIMARY KEY (seller_id, invoice_id, id),
    UNIQUE (seller_id, subscription_id, plan_id, component, kind, period_from, period_to, revision, credits_line_id)
) STRICT, WITHOUT ROWID;

-- What gives (part of) a line back.
CREATE INDEX invoice_lines_by_credited ON invoice_lines (seller_id, credits_line_id) WHERE credits_line_id <> 0;

-- What of an issued document is not settled: the part of it that changes.
CREATE TABLE open_items (
    seller_id INTEGER NOT NULL,
    invoice_id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    due_date TEXT,
    gross_minor INTEGER NOT NULL,
    open_minor INTEGER NOT NULL CHECK (open_minor >= 0 AND open_minor <= gross_minor),
    credited_minor INTEGER NOT NULL CHECK (credited_minor >= 0),
    written_off_minor INTEGER NOT NULL CHECK (written_off_minor >= 0),
    cancelled_by INTEGER,
    state TEXT NOT NULL,
    PRIMARY KEY (seller_id, invoice_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_items_by_customer ON open_items (seller_id, customer_id, currency, invoice_id) WHERE open_minor > 0;
-- What gives money back and is not used up: few among the many that are to be paid.
CREATE INDEX open_items_credit ON open_items (seller_id, customer_id, currency, invoice_id)
    WHERE open_minor > 0 AND kind <> 'invoice';

-- Money that came in, or with a negative amount went out.
CREATE TABLE payments (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0),
    unallocated_minor INTEGER NOT NULL CHECK (unallocated_minor = 0 OR (unallocated_minor > 0 AND unallocated_minor <= amount_minor)),
    received_on TEXT NOT NULL,
    method TEXT NOT NULL,
    reference TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, method, reference),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX payments_unallocated ON payments (seller_id, customer_id, currency, id) WHERE unallocated_minor > 0;
CREATE INDEX payments_by_customer ON payments (seller_id, customer_id, created_at, id);
CREATE INDEX payments_by_time ON payments (seller_id, created_at, id);

-- What credit is used for: it settles an invoice, or it was paid out. source_kind: payment or credit_note.
CREATE TABLE allocations (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    customer_id INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source_id INTEGER NOT NULL,
    invoice_id INTEGER,
    refund_id INTEGER,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    created_at INTEGER NOT NULL,
    released_at INTEGER,
    PRIMARY KEY (seller_id, id),
    CHECK ((invoice_id IS NULL) <> (refund_id IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX allocations_by_source ON allocations (seller_id, source_id);
CREATE INDEX allocations_by_invoice ON allocations (seller_id, invoice_id);

-- A double entry is one row: an amount from a credited to a debited account. A row cannot be out of balance.
-- document_id: the document, payment, refund or allocation that it books.
CREATE TABLE ledger_entries (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    posted_on TEXT NOT NULL,
    kind TEXT NOT NULL,
    debit_account TEXT NOT NULL,
    credit_account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    customer_id INTEGER,
    document_id INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    CHECK (debit_account <> credit_account)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_entries_by_customer ON ledger_entries (seller_id, customer_id, currency, posted_on);

CREATE TABLE hooks (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    external_ref TEXT NOT NULL,
    happened_at INTEGER NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    subscription_id INTEGER,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    package TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, instance_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hooks_parked ON hooks (seller_id, instance_id, external_ref, happened_at) WHERE state = 'parked';
-- What an account was told after an end that is told late.
CREATE INDEX hooks_applied ON hooks (seller_id, instance_id, external_ref, happened_at) WHERE state = 'applied';

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    seller_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    unique_key TEXT UNIQUE,
    state TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    lease_until INTEGER,
    lease_owner TEXT,
    last_error TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_ready ON jobs (run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_by_seller ON jobs (seller_id, id);

-- When the scheduler has to do something for a seller next.
CREATE TABLE schedules (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    kind TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX schedules_due ON schedules (due_at);

CREATE TABLE runs (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    id INTEGER NOT NULL,
    cutoff_date TEXT NOT NULL,
    state TEXT NOT NULL,
    scheduled INTEGER NOT NULL,
    cursor_customer INTEGER NOT NULL,
    cursor_subscription INTEGER NOT NULL,
    subscription_count INTEGER NOT NULL,
    done_count INTEGER NOT NULL,
    invoice_count INTEGER NOT NULL,
    failure_count INTEGER NOT NULL,
    gross TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    PRIMARY KEY (seller_id, id)
) STRICT, WITHOUT ROWID;
-- The nightly run of a day exists once.
CREATE UNIQUE INDEX runs_nightly ON runs (seller_id, cutoff_date) WHERE scheduled = 1;

CREATE TABLE run_failures (
    seller_id INTEGER NOT NULL,
    run_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (seller_id, run_id, subscription_id)
) STRICT, WITHOUT ROWID;

-- Which package a plan stands for at a group of instances, when Billet makes the accounts itself.
CREATE TABLE plan_services (
    seller_id INTEGER NOT NULL,
    plan_id INTEGER NOT NULL,
    instance_group TEXT NOT NULL,
    package TEXT NOT NULL,
    create_when TEXT NOT NULL,
    terminate_after_days INTEGER NOT NULL,
    PRIMARY KEY (seller_id, plan_id),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
) STRICT, WITHOUT ROWID;

-- How a group of instances is filled; a row only where that was set.
CREATE TABLE instance_groups (
    seller_id INTEGER NOT NULL REFERENCES sellers (id),
    name TEXT NOT NULL,
    placement TEXT NOT NULL,
    PRIMARY KEY (seller_id, name)
) STRICT, WITHOUT ROWID;

-- What runs for a subscription: what is wanted, what is known, and what is done about the difference. The row is the
-- queue as well: due_at is when something is to be done (billing time), refresh_at when what is wanted has to be
-- derived anew, lease_until (real time) until when somebody is at it.
CREATE TABLE services (
    seller_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    instance_group TEXT NOT NULL,
    instance_id INTEGER,
    name TEXT,
    wanted TEXT NOT NULL,
    known TEXT NOT NULL,
    holds TEXT NOT NULL,
    credentials TEXT NOT NULL,
    awaits_payment INTEGER NOT NULL,
    state TEXT NOT NULL,
    problem TEXT NOT NULL,
    detail TEXT NOT NULL,
    step TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    operation_number INTEGER NOT NULL,
    attempt_count INTEGER NOT NULL,
    operation_begun_at INTEGER,
    creating INTEGER NOT NULL,
    due_at INTEGER,
    refresh_at INTEGER,
    lease_until INTEGER,
    lease_owner TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, subscription_id),
    FOREIGN KEY (seller_id, subscription_id) REFERENCES subscriptions (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX services_due ON services (seller_id, instance_id, creating, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX services_refresh ON services (refresh_at) WHERE refresh_at IS NOT NULL;
CREATE INDEX services_leased ON services (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX services_by_state ON services (seller_id, state, subscription_id);
-- A name is one account's at its panel, as long as that is not gone.
CREATE UNIQUE INDEX services_name ON services (seller_id, instance_id, name) WHERE name IS NOT NULL AND state <> 'gone';

-- Whose turn it is to make accounts at an instance: one daemon's, until its lease ends (real time). How many it makes at once it
-- knows itself. Panels have made two users of one name when two accounts were made at once.
CREATE TABLE create_turns (
    seller_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
) STRICT, WITHOUT ROWID;

-- Each attempt at a step, with the panel's words.
CREATE TABLE service_attempts (
    seller_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    step_number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    step TEXT NOT NULL,
    instance_id INTEGER,
    name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    problem TEXT NOT NULL,
    words TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (seller_id, subscription_id, step_number)
) STRICT, WITHOUT ROWID;

-- What a panel has and what Billet thinks that it has, as far as they differed when they were compared last.
CREATE TABLE drifts (
    seller_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    domain TEXT NOT NULL,
    subscription_id INTEGER,
    here TEXT NOT NULL,
    there TEXT NOT NULL,
    ignored INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX drifts_by_instance ON drifts (seller_id, instance_id, kind, name);
-- What is missing here and extra there was moved.
CREATE INDEX drifts_by_domain ON drifts (seller_id, domain) WHERE domain <> '';

-- When an instance was compared last, and when somebody asked for it; a row only where that was done.
CREATE TABLE reconciliations (
    seller_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    asked_count INTEGER NOT NULL,
    finished_at INTEGER,
    finished_count INTEGER NOT NULL,
    account_count INTEGER NOT NULL,
    drift_count INTEGER NOT NULL,
    problem TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
) STRICT, WITHOUT ROWID;

-- What is sold under a top-level domain, at which registrars, and how long before an expiry what is done.
CREATE TABLE tlds (
    seller_id INTEGER NOT NULL,
    tld TEXT NOT NULL,
    plan_id INTEGER NOT NULL,
    instance_group TEXT NOT NULL,
    create_when TEXT NOT NULL,
    transfer_years INTEGER NOT NULL,
    invoice_before_days INTEGER NOT NULL,
    renew_before_days INTEGER NOT NULL,
    name_servers TEXT NOT NULL,
    PRIMARY KEY (seller_id, tld),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
) STRICT, WITHOUT ROWID;

-- Domains as lists, messages of registrars and the care of every day find them; what is wanted and known of each stands in
-- services. care_at is when something is to be looked at or invoiced (billing time).
CREATE TABLE domains (
    seller_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    tld TEXT NOT NULL,
    instance_id INTEGER,
    standing TEXT NOT NULL,
    expires_on TEXT,
    live INTEGER NOT NULL,
    invoice_on TEXT,
    warned_for TEXT,
    looked_at INTEGER,
    care_at INTEGER,
    PRIMARY KEY (seller_id, subscription_id),
    FOREIGN KEY (seller_id, subscription_id) REFERENCES subscriptions (seller_id, id)
) STRICT, WITHOUT ROWID;
-- A name is one subscription's, as long as that has it.
CREATE UNIQUE INDEX domains_name ON domains (seller_id, name) WHERE live = 1;
CREATE INDEX domains_expiring ON domains (seller_id, expires_on, subscription_id) WHERE live = 1;
CREATE INDEX domains_care ON domains (seller_id, care_at) WHERE care_at IS NOT NULL;

-- What registrars said, stored before it was acknowledged. A registry may count its messages anew; the time tells them apart.
CREATE TABLE registrar_messages (
    seller_id INTEGER NOT NULL,
    instance_id INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    queued_at INTEGER NOT NULL,
    id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    words TEXT NOT NULL,
    raw TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    acknowledged_at INTEGER,
    PRIMARY KEY (seller_id, instance_id, message_id, queued_at)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX registrar_messages_by_id ON registrar_messages (seller_id, id);

CREATE TABLE document_files (
    seller_id INTEGER NOT NULL,
    invoice_id INTEGER NOT NULL,
    format TEXT NOT NULL,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    content BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (seller_id, invoice_id, format)
) STRICT;

-- What is written once stays as it is.
CREATE TRIGGER events_append_only_update BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'billet: events is append-only');
END;
CREATE TRIGGER events_append_only_delete BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'billet: events is append-only');
END;
CREATE TRIGGER ledger_entries_append_only_update BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'billet: ledger_entries is append-only');
END;
CREATE TRIGGER ledger_entries_append_only_delete BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'billet: ledger_entries is append-only');
END;
CREATE TRIGGER facts_append_only_update BEFORE UPDATE ON facts
BEGIN
    SELECT RAISE(ABORT, 'billet: facts is append-only');
END;
CREATE TRIGGER facts_append_only_delete BEFORE DELETE ON facts
BEGIN
    SELECT RAISE(ABORT, 'billet: facts is append-only');
END;
CREATE TRIGGER snapshots_append_only_update BEFORE UPDATE ON snapshots
BEGIN
    SELECT RAISE(ABORT, 'billet: snapshots is append-only');
END;
CREATE TRIGGER snapshots_append_only_delete BEFORE DELETE ON snapshots
BEGIN
    SELECT RAISE(ABORT, 'billet: snapshots is append-only');
END;
CREATE TRIGGER plan_versions_append_only_update BEFORE UPDATE ON plan_versions
BEGIN
    SELECT RAISE(ABORT, 'billet: plan_versions is append-only');
END;
CREATE TRIGGER plan_versions_append_only_delete BEFORE DELETE ON plan_versions
BEGIN
    SELECT RAISE(ABORT, 'billet: plan_versions is append-only');
END;
CREATE TRIGGER document_files_append_only_update BEFORE UPDATE ON document_files
BEGIN
    SELECT RAISE(ABORT, 'billet: document_files is append-only');
END;
CREATE TRIGGER document_files_append_only_delete BEFORE DELETE ON document_files
BEGIN
    SELECT RAISE(ABORT, 'billet: document_files is append-only');
END;
CREATE TRIGGER invoices_issued_update BEFORE UPDATE ON invoices WHEN OLD.number IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'billet: invoices is append-only');
END;
CREATE TRIGGER invoice_lines_issued_update BEFORE UPDATE ON invoice_lines
WHEN EXISTS (SELECT 1 FROM invoices WHERE seller_id = OLD.seller_id AND id = OLD.invoice_id AND number IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'billet: an issued document never changes');
END;
CREATE TRIGGER invoices_issued_delete BEFORE DELETE ON invoices WHEN OLD.number IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'billet: invoices is append-only');
END;
CREATE TRIGGER invoice_lines_issued_delete BEFORE DELETE ON invoice_lines
WHEN EXISTS (SELECT 1 FROM invoices WHERE seller_id = OLD.seller_id AND id = OLD.invoice_id AND number IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'billet: an issued document never changes');
END;

-- What the planner believes about the tables: rows in all, then rows per value of the first column, of the first two, ...
-- Without it SQLite takes any value of seller_id for rare, the first column of every key, and walks over everything that
-- a seller has where an index finds the few rows of a customer. These are a large hoster's figures, the same for every
-- database, so that plans are the same everywhere. The second ANALYZE only reads them in.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('id_blocks', NULL, '1'),
    ('sellers', 'sellers_by_parent', '10 10 1'),
    ('sellers', 'sellers_operator', '1 1'),
    ('journal_heads', NULL, '10'),
    ('events', 'events', '4000000 4000000 1'),
    ('events', 'events_by_subject', '4000000 4000000 5 1'),
    ('tokens', 'sqlite_autoindex_tokens_1', '100 1'),
    ('tokens', 'tokens', '100 100 1'),
    ('requests', 'requests', '1000000 1000000 1'),
    ('series', 'series', '20 20 1'),
    ('instance_settings', 'instance_settings', '100 100 1'),
    ('instances', 'instances', '100 100 1'),
    ('instances', 'sqlite_autoindex_instances_2', '100 100 1'),
    ('customers', 'customers', '100000 100000 1'),
    ('customers', 'sqlite_autoindex_customers_2', '100000 100000 1'),
    ('customer_links', 'customer_links', '100000 100000 5000 2500 1'),
    ('projects', 'projects', '10000 10000 1'),
    ('projects', 'projects_by_customer', '10000 10000 2 1'),
    ('plans', 'plans', '200 200 1'),
    ('plans', 'sqlite_autoindex_plans_2', '200 200 1'),
    ('plan_versions', 'plan_versions', '1000 1000 1'),
    ('plan_versions', 'sqlite_autoindex_plan_versions_2', '1000 1000 5 1'),
    ('package_mappings', 'package_mappings', '1000 1000 20 20 1'),
    ('promotions', 'promotions', '100 100 1'),
    ('promotions', 'sqlite_autoindex_promotions_2', '100 100 1'),
    ('promotion_redemptions', 'promotion_redemptions', '10000 10000 100 1'),
    ('promotion_redemptions', 'promotion_redemptions_by_customer', '10000 10000 100 1'),
    ('subscriptions', 'subscriptions', '200000 200000 1'),
    ('subscriptions', 'subscriptions_due', '200000 200000 2 1 1'),
    ('subscriptions', 'subscriptions_by_customer', '200000 200000 3 1'),
    ('subscriptions', 'subscriptions_by_account', '150000 150000 5000 1 1'),
    ('subscriptions', 'subscriptions_live_account', '120000 120000 5000 1'),
    ('subscriptions', 'subscriptions_by_parent', '20000 20000 2'),
    ('facts', 'facts', '600000 600000 3 1'),
    ('usage_records', 'usage_records', '1000000 1000000 30 1'),
    ('snapshots', 'snapshots', '100000 100000 1'),
    ('invoices', 'invoices', '2000000 2000000 1'),
    ('invoices', 'sqlite_autoindex_invoices_2', '2000000 2000000 1'),
    ('invoices', 'invoices_by_customer', '2000000 2000000 20 1 1'),
    ('invoices', 'invoices_by_time', '2000000 2000000 1 1'),
    ('invoice_lines', 'invoice_lines', '6000000 6000000 3 1'),
    ('invoice_lines', 'sqlite_autoindex_invoice_lines_2', '6000000 6000000 30 28 10 10 2 2 2 1'),
    ('invoice_lines', 'invoice_lines_by_credited', '300000 300000 1'),
    ('open_items', 'open_items', '2000000 2000000 1'),
    ('open_items', 'open_items_by_customer', '200000 200000 3 3 1'),
    ('open_items', 'open_items_credit', '1000 1000 2 2 1'),
    ('payments', 'payments', '2000000 2000000 1'),
    ('payments', 'sqlite_autoindex_payments_2', '2000000 2000000 500000 1'),
    ('payments', 'payments_unallocated', '1000 1000 2 2 1'),
    ('payments', 'payments_by_customer', '2000000 2000000 20 1 1'),
    ('payments', 'payments_by_time', '2000000 2000000 1 1'),
    ('allocations', 'allocations', '2000000 2000000 1'),
    ('allocations', 'allocations_by_source', '2000000 2000000 2'),
    ('allocations', 'allocations_by_invoice', '2000000 2000000 2'),
    ('ledger_entries', 'ledger_entries', '6000000 6000000 1'),
    ('ledger_entries', 'ledger_entries_by_customer', '6000000 6000000 60 60 3'),
    ('hooks', 'hooks', '1000000 1000000 1'),
    ('hooks', 'sqlite_autoindex_hooks_2', '1000000 1000000 20000 1'),
    ('hooks', 'hooks_parked', '1000 1000 50 2 1'),
    ('hooks', 'hooks_applied', '1000000 1000000 10000 10 1'),
    ('jobs', 'sqlite_autoindex_jobs_1', '10000 1'),
    ('jobs', 'jobs_ready', '10000 10 1'),
    ('jobs', 'jobs_leased', '50 50'),
    ('jobs', 'jobs_by_seller', '10000 10000 1'),
    ('schedules', 'schedules', '10 10 1'),
    ('schedules', 'schedules_due', '10 1'),
    ('runs', 'runs', '1000 1000 1'),
    ('runs', 'runs_nightly', '400 400 1'),
    ('run_failures', 'run_failures', '1000 1000 10 1'),
    ('plan_services', 'plan_services', '100 100 1'),
    ('instance_groups', 'instance_groups', '20 20 1'),
    ('services', 'services', '150000 150000 1'),
    ('services', 'services_due', '1000 1000 20 20 1'),
    ('services', 'services_refresh', '1000 1'),
    ('services', 'services_leased', '100 2'),
    ('services', 'services_by_state', '150000 150000 30000 1'),
    ('services', 'services_name', '150000 150000 2000 1'),
    ('drifts', 'drifts', '2000 2000 1'),
    ('drifts', 'drifts_by_instance', '2000 2000 20 5 1'),
    ('drifts', 'drifts_by_domain', '2000 2000 1'),
    ('reconciliations', 'reconciliations', '100 100 1'),
    ('create_turns', 'create_turns', '100 100 1'),
    ('service_attempts', 'service_attempts', '600000 600000 4 1'),
    ('tlds', 'tlds', '300 300 1'),
    ('domains', 'domains', '50000 50000 1'),
    ('domains', 'domains_name', '40000 40000 1'),
    ('domains', 'domains_expiring', '40000 40000 110 1'),
    ('domains', 'domains_care', '40000 40000 10'),
    ('registrar_messages', 'registrar_messages', '100000 100000 20000 1 1'),
    ('registrar_messages', 'registrar_messages_by_id', '100000 100000 1'),
    ('document_files', 'sqlite_autoindex_document_files_1', '2000000 2000000 1 1');
ANALYZE sqlite_master;
