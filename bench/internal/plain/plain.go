// Package plain is what a websocket server of gorilla's does that neither checks nor stores anything: the measure for what
// ours does on the same machine. It is a process of its own, as a relay is.
package plain

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

// Paths that it serves. Bulk takes the parameters bytes and frame.
const (
	Echo      = "/echo"
	Broadcast = "/broadcast"
	Bulk      = "/bulk"
)

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

// Serve serves l until it is closed.
func Serve(l net.Listener) error {
	mux := http.NewServeMux()
	h := &hub{subscribers: map[*subscriber]bool{}}
	mux.HandleFunc(Echo, echo)
	mux.HandleFunc(Broadcast, h.serve)
	mux.HandleFunc(Bulk, bulk)
	err := http.Serve(l, mux)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func echo(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer ws.Close() // its end is the client's to notice
	for {
		kind, msg, err := ws.ReadMessage()
		if err != nil || ws.WriteMessage(kind, msg) != nil {
			return
		}
	}
}

// hub is that of gorilla's chat example, but for three things that make it faster or fairer: a frame is encoded once for all, a
// subscriber whose queue is full holds up the publisher instead of being thrown out, and messages that wait are not put
// together, since their receivers would have to take them apart.
type hub struct {
	mu          sync.Mutex
	subscribers map[*subscriber]bool
}

type subscriber struct {
	queue chan *websocket.PreparedMessage
	done  chan struct{}
}

const queueMessages = 256

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	s := &subscriber{queue: make(chan *websocket.PreparedMessage, queueMessages), done: make(chan struct{})}
	welcome, err := websocket.NewPreparedMessage(websocket.BinaryMessage, nil)
	if err != nil {
		return
	}
	s.queue <- welcome // whoever has it gets all that is sent from then on
	h.mu.Lock()
	h.subscribers[s] = true
	h.mu.Unlock()
	go func() {
		for {
			select {
			case m := <-s.queue:
				if ws.WritePreparedMessage(m) != nil {
					_ = ws.Close() // the reader notices
					return
				}
			case <-s.done:
				return
			}
		}
	}()
	defer func() {
		h.mu.Lock()
		delete(h.subscribers, s)
		h.mu.Unlock()
		close(s.done)
		_ = ws.Close() // its end is the client's to notice
	}()
	for {
		kind, msg, err := ws.ReadMessage()
		if err != nil {
			return
		}
		m, err := websocket.NewPreparedMessage(kind, msg)
		if err != nil {
			return
		}
		h.mu.Lock()
		all := make([]*subscriber, 0, len(h.subscribers))
		for o := range h.subscribers {
			all = append(all, o)
		}
		h.mu.Unlock()
		for _, o := range all {
			select {
			case o.queue <- m:
			case <-o.done:
			}
		}
	}
}

func bulk(w http.ResponseWriter, r *http.Request) {
	total, err1 := strconv.Atoi(r.FormValue("bytes"))
	frame, err2 := strconv.Atoi(r.FormValue("frame"))
	if err := errors.Join(err1, err2); err != nil || frame < 1 {
		http.Error(w, "bytes and frame are numbers", http.StatusBadRequest)
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer ws.Close() // its end is the client's to notice
	buf := make([]byte, frame)
	for total > 0 {
		n := min(total, frame)
		if ws.WriteMessage(websocket.BinaryMessage, buf[:n]) != nil {
			return
		}
		total -= n
	}
	for { // the client closes
		if _, _, err := ws.ReadMessage(); err != nil {
			return
		}
	}
}
