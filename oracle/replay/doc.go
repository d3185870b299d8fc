// Package replay reads recorded prices from CSV files and plays them to a committee
// of oracles.
//
// A file has one of two forms, told by its first line:
//
//   - long, a row for each price: the columns bucket_end_ms, venue, price, trade_ms
//     and recv_lag_ms, in any order, others being ignored. A price is as of trade_ms,
//     and known at trade_ms + recv_lag_ms.
//   - wide, a row for each moment: a column date (2006-01-02), minute_utc
//     (2006-01-02T15:04Z) or ts_ms first, then a column for each venue or pair. An
//     empty cell is a venue that was silent. A price is as of the row's time, and
//     known then.
//
// Times are Unix ms, UTC. Prices are decimal text and never pass through a float.
// Nothing is interpolated: a venue that is silent has its last price, of its time.
//
// A [Reader] reads row by row in memory that does not grow with the file; a
// [Recording] holds a whole file and answers what was known at a moment; [Play] gives
// a recording to oracles, some of which lie about it, and measures what each strategy
// makes of that. Package replay does no I/O but reading from the [io.Reader] it is
// given, and reads no clock.
package replay
