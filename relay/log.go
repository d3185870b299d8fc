package relay

import (
	"context"
	"log/slog"

	"github.com/tallystick/tallystick/internal/safe"
)

// safeHandler makes every text of a record safe before the handler behind it sees it: whatever logger a program brings,
// nothing that a peer has said reaches it raw.
type safeHandler struct{ to slog.Handler }

// safeLog returns a logger that writes to log's handler by way of a safeHandler; nil: one that is silent.
func safeLog(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(safeHandler{log.Handler()})
}

func (h safeHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.to.Enabled(ctx, level)
}

func (h safeHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, safe.Text(r.Message, safe.MaxLogCells).String(), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(cleanAttr(a))
		return true
	})
	return h.to.Handle(ctx, clean)
}

func (h safeHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = cleanAttr(a)
	}
	return safeHandler{h.to.WithAttrs(clean)}
}

func (h safeHandler) WithGroup(name string) slog.Handler {
	return safeHandler{h.to.WithGroup(safe.Text(name, safe.MaxLogCells).String())}
}

func cleanAttr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup {
		return safe.ReplaceAttr(nil, a)
	}
	inner := a.Value.Group()
	clean := make([]slog.Attr, len(inner))
	for i := range inner {
		clean[i] = cleanAttr(inner[i])
	}
	return slog.Attr{Key: safe.Text(a.Key, safe.MaxLogCells).String(), Value: slog.GroupValue(clean...)}
}
