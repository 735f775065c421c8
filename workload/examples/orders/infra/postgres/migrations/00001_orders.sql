-- +goose Up
CREATE TABLE orders (
    id        uuid PRIMARY KEY,
    item      text NOT NULL,
    quantity  integer NOT NULL,
    status    text NOT NULL,
    version   integer NOT NULL,
    placed_at timestamptz NOT NULL
);

-- Events that are not published yet, written in the transaction that changes the order.
CREATE TABLE outbox (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL,
    event    jsonb NOT NULL
);
CREATE INDEX outbox_order ON outbox (order_id, position);

-- Which order a client's key stands for, where no Redis keeps that.
CREATE TABLE idempotency_keys (
    key        text PRIMARY KEY,
    order_id   uuid NOT NULL,
    draft      text NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE outbox;
DROP TABLE orders;
