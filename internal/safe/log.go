package safe

import (
	"fmt"
	"log/slog"
)

// MaxLogCells is where [ReplaceAttr] cuts a text.
const MaxLogCells = 512

// LogValue makes a String a value of log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.s) }

// ReplaceAttr is for [slog.HandlerOptions]: it makes every text of a log line
// safe, the message and the texts of errors included, and cuts it to
// [MaxLogCells]. Numbers, times and levels stay.
func ReplaceAttr(_ []string, a slog.Attr) slog.Attr {
	a.Key = Text(a.Key, MaxLogCells).s
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Text(a.Value.String(), MaxLogCells).s)
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case slog.Level, *slog.Source:
		default:
			a.Value = slog.StringValue(Text(fmt.Sprint(v), MaxLogCells).s)
		}
	}
	return a
}
