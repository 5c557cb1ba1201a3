-- The foundation. Instants are microseconds UTC, dates ISO 8601 text, decimals text, money minor units, ids from one
-- allocator for all tables. Every table of a seller has seller_id first in its key.

-- Ids are handed out in blocks: a daemon takes a block in a transaction of its own and never gives it back.
CREATE TABLE id_blocks (
    singleton BIGINT PRIMARY KEY CHECK (singleton = 1),
    next_id BIGINT NOT NULL
);
INSERT INTO id_blocks (singleton, next_id) VALUES (1, 1);

CREATE TABLE sellers (
    id BIGINT PRIMARY KEY,
    parent_id BIGINT REFERENCES sellers (id),
    party TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    language TEXT NOT NULL,
    payment_term_days BIGINT NOT NULL,
    credit_policy TEXT NOT NULL,
    tax_rules TEXT NOT NULL,
    iban TEXT NOT NULL,
    bic TEXT NOT NULL,
    nightly_run_at TEXT NOT NULL,
    bill_changes_at_once BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sellers_by_parent ON sellers (parent_id, id);
-- The operator, the one seller without a parent, exists once.
CREATE UNIQUE INDEX sellers_operator ON sellers (coalesce(parent_id, 0)) WHERE parent_id IS NULL;

-- The head of each seller's journal: where the next event is chained to.
CREATE TABLE journal_heads (
    seller_id BIGINT PRIMARY KEY REFERENCES sellers (id),
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);

CREATE TABLE events (
    seller_id BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    data TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (seller_id, sequence)
);
CREATE INDEX events_by_subject ON events (seller_id, subject, sequence);

CREATE TABLE tokens (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    roles TEXT NOT NULL,
    instance_id BIGINT,
    customer_id BIGINT,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id)
);

-- What a mutating call answered, so that its repetition answers the same.
CREATE TABLE requests (
    seller_id BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    method TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    response BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, request_id)
);

-- last_issued_on is empty before the first number; a series never goes back in time.
CREATE TABLE series (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    document_kind TEXT NOT NULL,
    id BIGINT NOT NULL,
    pattern TEXT NOT NULL,
    yearly BIGINT NOT NULL,
    last_issued_on TEXT NOT NULL,
    next_number BIGINT NOT NULL CHECK (next_number > 0),
    PRIMARY KEY (seller_id, document_kind)
);

CREATE TABLE instances (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    plugin TEXT NOT NULL,
    name TEXT NOT NULL,
    instance_group TEXT NOT NULL,
    url TEXT NOT NULL,
    unknown_customer TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, name)
);

-- How the daemon reaches an instance and how full it may get; a row only where that was set. Secrets are sealed, by name.
CREATE TABLE instance_settings (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    instance_id BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    secrets TEXT NOT NULL,
    concurrency_max BIGINT,
    maintenance BIGINT NOT NULL,
    accounts_max BIGINT,
    creates_max BIGINT,
    weight BIGINT NOT NULL,
    named_by_domain BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
);

CREATE TABLE customers (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    number TEXT NOT NULL,
    party TEXT NOT NULL,
    search_text TEXT NOT NULL,
    business BIGINT NOT NULL,
    currency TEXT NOT NULL,
    language TEXT NOT NULL,
    payment_term_days BIGINT,
    grouping TEXT NOT NULL,
    credit_policy TEXT NOT NULL,
    allowance_percent TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, number)
);

-- What panels call a customer: the owner of accounts, one account, or a contact address.
CREATE TABLE customer_links (
    seller_id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    PRIMARY KEY (seller_id, instance_id, kind, value),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
);

CREATE TABLE projects (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
);
CREATE INDEX projects_by_customer ON projects (seller_id, customer_id, id);

CREATE TABLE plans (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    kind TEXT NOT NULL,
    orderable BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, code)
);

-- Never changed: a trigger refuses it.
CREATE TABLE plan_versions (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, plan_id, version),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
);

-- instance_id 0 with a group, or an instance with an empty group.
CREATE TABLE package_mappings (
    seller_id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    instance_group TEXT NOT NULL,
    package TEXT NOT NULL,
    plan_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    cycle_unit TEXT NOT NULL,
    cycle_count BIGINT NOT NULL,
    quantities TEXT NOT NULL,
    PRIMARY KEY (seller_id, instance_id, instance_group, package),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
);

CREATE TABLE promotions (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    code TEXT NOT NULL,
    code_key TEXT NOT NULL,
    reduction TEXT NOT NULL,
    currency TEXT NOT NULL,
    cycles BIGINT NOT NULL,
    valid_from TEXT,
    valid_to TEXT,
    plan_ids TEXT NOT NULL,
    redemptions_per_customer_max BIGINT NOT NULL,
    redemptions_max BIGINT NOT NULL,
    redemption_count BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, code_key)
);

CREATE TABLE promotion_redemptions (
    seller_id BIGINT NOT NULL,
    promotion_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    redeemed_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, promotion_id, subscription_id),
    FOREIGN KEY (seller_id, promotion_id) REFERENCES promotions (seller_id, id)
);
CREATE INDEX promotion_redemptions_by_customer ON promotion_redemptions (seller_id, promotion_id, customer_id);

-- revision is raised by every change; settled_until: everything with a billing point up to that day was billed and no
-- fact has come since (null: the whole timeline has to be compared); next_billing_on: when something is due next.
CREATE TABLE subscriptions (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    project_id BIGINT,
    parent_id BIGINT,
    currency TEXT NOT NULL,
    tax_inclusive BIGINT NOT NULL,
    label TEXT NOT NULL,
    instance_id BIGINT,
    external_ref TEXT,
    service_state TEXT NOT NULL,
    service_changed_at BIGINT NOT NULL,
    started_on TEXT NOT NULL,
    ends_on TEXT,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    revision BIGINT NOT NULL,
    settled_until TEXT,
    next_billing_on TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
);
CREATE INDEX subscriptions_due ON subscriptions (seller_id, customer_id, id, next_billing_on) WHERE next_billing_on IS NOT NULL;
CREATE INDEX subscriptions_by_customer ON subscriptions (seller_id, customer_id, id);
CREATE INDEX subscriptions_by_account ON subscriptions (seller_id, instance_id, external_ref, started_at) WHERE external_ref IS NOT NULL;
-- One live account per name at a panel.
CREATE UNIQUE INDEX subscriptions_live_account ON subscriptions (seller_id, instance_id, external_ref)
    WHERE external_ref IS NOT NULL AND ended_at IS NULL;
CREATE INDEX subscriptions_by_parent ON subscriptions (seller_id, parent_id) WHERE parent_id IS NOT NULL;

-- What happened to a subscription; the key makes recording it twice impossible.
CREATE TABLE facts (
    seller_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    fact_key TEXT NOT NULL,
    effective_on TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    detail TEXT NOT NULL,
    actor TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, subscription_id, fact_key)
);

CREATE TABLE usage_records (
    seller_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    record_key TEXT NOT NULL,
    metric TEXT NOT NULL,
    used_from TEXT NOT NULL,
    used_to TEXT NOT NULL,
    quantity TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, subscription_id, record_key)
);

-- Parties as they stood on a document, by the SHA-256 of their text: written once, shared by all documents that say the same.
CREATE TABLE snapshots (
    seller_id BIGINT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (seller_id, hash)
);

-- A document is issued when it has a number; from then on a trigger refuses every change.
CREATE TABLE invoices (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    project_id BIGINT,
    kind TEXT NOT NULL,
    number TEXT,
    issue_date TEXT,
    due_date TEXT,
    currency TEXT NOT NULL,
    tax_inclusive BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    breakdown TEXT NOT NULL,
    preceding TEXT NOT NULL,
    seller_snapshot TEXT NOT NULL,
    buyer_snapshot TEXT NOT NULL,
    note TEXT NOT NULL,
    run_id BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, number),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
);
CREATE INDEX invoices_by_customer ON invoices (seller_id, customer_id, created_at, id);
CREATE INDEX invoices_by_time ON invoices (seller_id, created_at, id);

-- The last key is what makes billing a day twice impossible: a second line for the same subscription, component,
-- interval and revision is refused, whatever bug or race asks for it.
CREATE TABLE invoice_lines (
    seller_id BIGINT NOT NULL,
    invoice_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    subscription_id BIGINT,
    plan_id BIGINT NOT NULL,
    component TEXT NOT NULL,
    kind TEXT NOT NULL,
    credits_line_id BIGINT NOT NULL,
    period_from TEXT,
    period_to TEXT,
    revision BIGINT NOT NULL,
    name TEXT NOT NULL,
    quantity TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    rating TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    tax TEXT NOT NULL,
    allowance_percent TEXT NOT NULL,
    PRIMARY KEY (seller_id, invoice_id, id),
    UNIQUE (seller_id, subscription_id, plan_id, component, kind, period_from, period_to, revision, credits_line_id)
);

-- What gives (part of) a line back.
CREATE INDEX invoice_lines_by_credited ON invoice_lines (seller_id, credits_line_id) WHERE credits_line_id <> 0;

-- What of an issued document is not settled: the part of it that changes.
CREATE TABLE open_items (
    seller_id BIGINT NOT NULL,
    invoice_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    due_date TEXT,
    gross_minor BIGINT NOT NULL,
    open_minor BIGINT NOT NULL CHECK (open_minor >= 0 AND open_minor <= gross_minor),
    credited_minor BIGINT NOT NULL CHECK (credited_minor >= 0),
    written_off_minor BIGINT NOT NULL CHECK (written_off_minor >= 0),
    cancelled_by BIGINT,
    state TEXT NOT NULL,
    PRIMARY KEY (seller_id, invoice_id)
);
CREATE INDEX open_items_by_customer ON open_items (seller_id, customer_id, currency, invoice_id) WHERE open_minor > 0;
-- What gives money back and is not used up: few among the many that are to be paid.
CREATE INDEX open_items_credit ON open_items (seller_id, customer_id, currency, invoice_id)
    WHERE open_minor > 0 AND kind <> 'invoice';

-- Money that came in, or with a negative amount went out.
CREATE TABLE payments (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    unallocated_minor BIGINT NOT NULL CHECK (unallocated_minor = 0 OR (unallocated_minor > 0 AND unallocated_minor <= amount_minor)),
    received_on TEXT NOT NULL,
    method TEXT NOT NULL,
    reference TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, method, reference),
    FOREIGN KEY (seller_id, customer_id) REFERENCES customers (seller_id, id)
);
CREATE INDEX payments_unallocated ON payments (seller_id, customer_id, currency, id) WHERE unallocated_minor > 0;
CREATE INDEX payments_by_customer ON payments (seller_id, customer_id, created_at, id);
CREATE INDEX payments_by_time ON payments (seller_id, created_at, id);

-- What credit is used for: it settles an invoice, or it was paid out. source_kind: payment or credit_note.
CREATE TABLE allocations (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    source_kind TEXT NOT NULL,
    source_id BIGINT NOT NULL,
    invoice_id BIGINT,
    refund_id BIGINT,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    created_at BIGINT NOT NULL,
    released_at BIGINT,
    PRIMARY KEY (seller_id, id),
    CHECK ((invoice_id IS NULL) <> (refund_id IS NULL))
);
CREATE INDEX allocations_by_source ON allocations (seller_id, source_id);
CREATE INDEX allocations_by_invoice ON allocations (seller_id, invoice_id);

-- A double entry is one row: an amount from a credited to a debited account. A row cannot be out of balance.
-- document_id: the document, payment, refund or allocation that it books.
CREATE TABLE ledger_entries (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    posted_on TEXT NOT NULL,
    kind TEXT NOT NULL,
    debit_account TEXT NOT NULL,
    credit_account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    customer_id BIGINT,
    document_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    CHECK (debit_account <> credit_account)
);
CREATE INDEX ledger_entries_by_customer ON ledger_entries (seller_id, customer_id, currency, posted_on);

CREATE TABLE hooks (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    external_ref TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    subscription_id BIGINT,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    package TEXT NOT NULL,
    attempt_count BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    UNIQUE (seller_id, instance_id, event_id)
);
CREATE INDEX hooks_parked ON hooks (seller_id, instance_id, external_ref, happened_at) WHERE state = 'parked';
-- What an account was told after an end that is told late.
CREATE INDEX hooks_applied ON hooks (seller_id, instance_id, external_ref, happened_at) WHERE state = 'applied';

CREATE TABLE jobs (
    id BIGINT PRIMARY KEY,
    seller_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    unique_key TEXT UNIQUE,
    state TEXT NOT NULL,
    attempt_count BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    lease_until BIGINT,
    lease_owner TEXT,
    last_error TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_ready ON jobs (run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_dead ON jobs (id) WHERE state = 'dead';
CREATE INDEX jobs_by_seller ON jobs (seller_id, id);

-- When the scheduler has to do something for a seller next.
CREATE TABLE schedules (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    kind TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, kind)
);
CREATE INDEX schedules_due ON schedules (due_at);

CREATE TABLE runs (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    id BIGINT NOT NULL,
    cutoff_date TEXT NOT NULL,
    state TEXT NOT NULL,
    scheduled BIGINT NOT NULL,
    cursor_customer BIGINT NOT NULL,
    cursor_subscription BIGINT NOT NULL,
    subscription_count BIGINT NOT NULL,
    done_count BIGINT NOT NULL,
    invoice_count BIGINT NOT NULL,
    failure_count BIGINT NOT NULL,
    gross TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (seller_id, id)
);
-- The nightly run of a day exists once.
CREATE UNIQUE INDEX runs_nightly ON runs (seller_id, cutoff_date) WHERE scheduled = 1;

CREATE TABLE run_failures (
    seller_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (seller_id, run_id, subscription_id)
);

-- Which package a plan stands for at a group of instances, when Billet makes the accounts itself.
CREATE TABLE plan_services (
    seller_id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    instance_group TEXT NOT NULL,
    package TEXT NOT NULL,
    create_when TEXT NOT NULL,
    terminate_after_days BIGINT NOT NULL,
    PRIMARY KEY (seller_id, plan_id),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
);

-- How a group of instances is filled; a row only where that was set.
CREATE TABLE instance_groups (
    seller_id BIGINT NOT NULL REFERENCES sellers (id),
    name TEXT NOT NULL,
    placement TEXT NOT NULL,
    PRIMARY KEY (seller_id, name)
);

-- What runs for a subscription: what is wanted, what is known, and what is done about the difference. The row is the
-- queue as well: due_at is when something is to be done (billing time), refresh_at when what is wanted has to be
-- derived anew, lease_until (real time) until when somebody is at it.
CREATE TABLE services (
    seller_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    instance_group TEXT NOT NULL,
    instance_id BIGINT,
    name TEXT,
    wanted TEXT NOT NULL,
    known TEXT NOT NULL,
    holds TEXT NOT NULL,
    credentials TEXT NOT NULL,
    awaits_payment BIGINT NOT NULL,
    state TEXT NOT NULL,
    problem TEXT NOT NULL,
    detail TEXT NOT NULL,
    step TEXT NOT NULL,
    step_number BIGINT NOT NULL,
    operation_number BIGINT NOT NULL,
    attempt_count BIGINT NOT NULL,
    operation_begun_at BIGINT,
    creating BIGINT NOT NULL,
    due_at BIGINT,
    refresh_at BIGINT,
    lease_until BIGINT,
    lease_owner TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, subscription_id),
    FOREIGN KEY (seller_id, subscription_id) REFERENCES subscriptions (seller_id, id)
);
CREATE INDEX services_due ON services (seller_id, instance_id, creating, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX services_refresh ON services (refresh_at) WHERE refresh_at IS NOT NULL;
CREATE INDEX services_leased ON services (lease_until) WHERE lease_until IS NOT NULL;
CREATE INDEX services_by_state ON services (seller_id, state, subscription_id);
-- A name is one account's at its panel, as long as that is not gone.
CREATE UNIQUE INDEX services_name ON services (seller_id, instance_id, name) WHERE name IS NOT NULL AND state <> 'gone';

-- Whose turn it is to make accounts at an instance: one daemon's, until its lease ends (real time). How many it makes at once it
-- knows itself. Panels have made two users of one name when two accounts were made at once.
CREATE TABLE create_turns (
    seller_id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
);

-- Each attempt at a step, with the panel's words.
CREATE TABLE service_attempts (
    seller_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    step_number BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    step TEXT NOT NULL,
    instance_id BIGINT,
    name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    problem TEXT NOT NULL,
    words TEXT NOT NULL,
    begun_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (seller_id, subscription_id, step_number)
);

-- What a panel has and what Billet thinks that it has, as far as they differed when they were compared last.
CREATE TABLE drifts (
    seller_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    domain TEXT NOT NULL,
    subscription_id BIGINT,
    here TEXT NOT NULL,
    there TEXT NOT NULL,
    ignored BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
);
CREATE UNIQUE INDEX drifts_by_instance ON drifts (seller_id, instance_id, kind, name);
-- What is missing here and extra there was moved.
CREATE INDEX drifts_by_domain ON drifts (seller_id, domain) WHERE domain <> '';

-- When an instance was compared last, and when somebody asked for it; a row only where that was done.
CREATE TABLE reconciliations (
    seller_id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    asked_count BIGINT NOT NULL,
    finished_at BIGINT,
    finished_count BIGINT NOT NULL,
    account_count BIGINT NOT NULL,
    drift_count BIGINT NOT NULL,
    problem TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (seller_id, instance_id),
    FOREIGN KEY (seller_id, instance_id) REFERENCES instances (seller_id, id)
);

-- What is sold under a top-level domain, at which registrars, and how long before an expiry what is done.
CREATE TABLE tlds (
    seller_id BIGINT NOT NULL,
    tld TEXT NOT NULL,
    plan_id BIGINT NOT NULL,
    instance_group TEXT NOT NULL,
    create_when TEXT NOT NULL,
    transfer_years BIGINT NOT NULL,
    invoice_before_days BIGINT NOT NULL,
    renew_before_days BIGINT NOT NULL,
    name_servers TEXT NOT NULL,
    PRIMARY KEY (seller_id, tld),
    FOREIGN KEY (seller_id, plan_id) REFERENCES plans (seller_id, id)
);

-- Domains as lists, messages of registrars and the care of every day find them; what is wanted and known of each stands in
-- services. care_at is when something is to be looked at or invoiced (billing time).
CREATE TABLE domains (
    seller_id BIGINT NOT NULL,
    subscription_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    tld TEXT NOT NULL,
    instance_id BIGINT,
    standing TEXT NOT NULL,
    expires_on TEXT,
    live BIGINT NOT NULL,
    invoice_on TEXT,
    warned_for TEXT,
    looked_at BIGINT,
    care_at BIGINT,
    PRIMARY KEY (seller_id, subscription_id),
    FOREIGN KEY (seller_id, subscription_id) REFERENCES subscriptions (seller_id, id)
);
-- A name is one subscription's, as long as that has it.
CREATE UNIQUE INDEX domains_name ON domains (seller_id, name) WHERE live = 1;
CREATE INDEX domains_expiring ON domains (seller_id, expires_on, subscription_id) WHERE live = 1;
CREATE INDEX domains_care ON domains (seller_id, care_at) WHERE care_at IS NOT NULL;

-- What registrars said, stored before it was acknowledged. A registry may count its messages anew; the time tells them apart.
CREATE TABLE registrar_messages (
    seller_id BIGINT NOT NULL,
    instance_id BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    queued_at BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    words TEXT NOT NULL,
    raw TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    acknowledged_at BIGINT,
    PRIMARY KEY (seller_id, instance_id, message_id, queued_at)
);
CREATE UNIQUE INDEX registrar_messages_by_id ON registrar_messages (seller_id, id);

CREATE TABLE document_files (
    seller_id BIGINT NOT NULL,
    invoice_id BIGINT NOT NULL,
    format TEXT NOT NULL,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    content BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (seller_id, invoice_id, format)
);

-- What is written once stays as it is.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'billet: % is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER facts_append_only BEFORE UPDATE OR DELETE ON facts FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER snapshots_append_only BEFORE UPDATE OR DELETE ON snapshots FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER plan_versions_append_only BEFORE UPDATE OR DELETE ON plan_versions FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_files_append_only BEFORE UPDATE OR DELETE ON document_files FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoices_issued BEFORE UPDATE OR DELETE ON invoices FOR EACH ROW WHEN (OLD.number IS NOT NULL)
    EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_change_of_issued_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM invoices WHERE seller_id = OLD.seller_id AND id = OLD.invoice_id AND number IS NOT NULL) THEN
        RAISE EXCEPTION 'billet: an issued document never changes';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_lines_issued BEFORE UPDATE OR DELETE ON invoice_lines FOR EACH ROW
    EXECUTE FUNCTION refuse_change_of_issued_line();
