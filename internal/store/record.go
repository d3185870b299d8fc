package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A record is CRC ‖ length ‖ frame, a sealed value CRC ‖ value; see doc.go.
const (
	crcBytes    = 4
	recordHead  = crcBytes + 4
	keyBytes    = 8
	maxRecord   = recordHead + MaxFrameBytes
	idFileBytes = 16
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	bucketMeta    = []byte("meta")
	bucketRecords = []byte("records")
	bucketState   = []byte("state")

	keyCharter = []byte("charter")
	keyFile    = []byte("file")
	keyFormat  = []byte("format")
	keyRoom    = []byte("room")
	keyCount   = []byte("count")
)

// recordKey returns the key of record n.
func recordKey(n uint64) (key [keyBytes]byte) {
	binary.BigEndian.PutUint64(key[:], n)
	return key
}

// appendRecord appends record n. The key of n, whose bytes the CRC covers too, is appended in front of it.
func appendRecord(b []byte, n uint64, frame []byte) (out, key, record []byte) {
	start := len(b)
	b = binary.BigEndian.AppendUint64(b, n)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(frame))) // the caller has checked MaxFrameBytes
	b = append(b, frame...)
	key, record = b[start:start+keyBytes:start+keyBytes], b[start+keyBytes:len(b):len(b)]
	binary.BigEndian.PutUint32(record, recordCRC(key, record))
	return b, key, record
}

func recordCRC(key, record []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, key), castagnoli, record[crcBytes:])
}

// parseRecord returns the frame within record n, which aliases record, or what is wrong.
func parseRecord(key, record []byte) (frame []byte, reason string) {
	if len(record) < recordHead || len(record) > maxRecord {
		return nil, fmt.Sprintf("a record of %d bytes", len(record))
	}
	if n := binary.BigEndian.Uint32(record[crcBytes:]); uint64(n) != uint64(len(record)-recordHead) {
		return nil, fmt.Sprintf("a record of %d bytes says that its frame has %d", len(record), n)
	}
	if recordCRC(key, record) != binary.BigEndian.Uint32(record) {
		return nil, "checksum of the record does not match"
	}
	return record[recordHead:], ""
}

func sealCRC(name, value []byte) uint32 {
	return crc32.Update(crc32.Update(crc32.Update(0, castagnoli, name), castagnoli, []byte{0}), castagnoli, value)
}

func appendSealed(b, name, value []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, sealCRC(name, value))
	return append(b, value...)
}

// parseSealed returns the value, which aliases sealed, or false.
func parseSealed(name, sealed []byte) ([]byte, bool) {
	if len(sealed) < crcBytes || binary.BigEndian.Uint32(sealed) != sealCRC(name, sealed[crcBytes:]) {
		return nil, false
	}
	return sealed[crcBytes:], true
}

// header is what the buckets meta and state hold.
type header struct {
	format  byte
	meta    Meta
	device  uint64
	inode   uint64
	count   uint64
	present [5]bool // format, room, charter, file, count
}

// set takes one entry of the bucket meta or state. It returns what is wrong with it, if anything is; value may be reused.
func (h *header) set(bucket, name, sealed []byte) (reason string) {
	value, ok := parseSealed(name, sealed)
	if !ok {
		return fmt.Sprintf("checksum of %s/%s does not match", bucket, printable(name))
	}
	inMeta := bytes.Equal(bucket, bucketMeta)
	switch {
	case inMeta && bytes.Equal(name, keyFormat) && len(value) == 1:
		h.format, h.present[0] = value[0], true
	case inMeta && bytes.Equal(name, keyRoom) && len(value) == len(h.meta.Room):
		h.meta.Room, h.present[1] = [32]byte(value), true
	case inMeta && bytes.Equal(name, keyCharter) && len(value) <= MaxCharterBytes:
		h.meta.Charter, h.present[2] = bytes.Clone(value), true
	case inMeta && bytes.Equal(name, keyFile) && len(value) == idFileBytes:
		h.device, h.inode, h.present[3] = binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:]), true
	case !inMeta && bytes.Equal(name, keyCount) && len(value) == 8:
		h.count, h.present[4] = binary.BigEndian.Uint64(value), true
	default:
		return fmt.Sprintf("%s/%s with %d bytes does not belong there", bucket, printable(name), len(value))
	}
	return ""
}

// printable quotes a name that may be damaged, and cuts it.
func printable(name []byte) string {
	return fmt.Sprintf("%.40q", name)
}

func fileIdentity(device, inode uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, device), inode)
}
