// Package dcbor reads and writes deterministic CBOR (RFC 8949 §4.2.1), and
// nothing else: every value has exactly one encoding, so bytes that were hashed
// or signed never need to be encoded again.
//
// The reader refuses what the rules of RFC 8949 §4.2.1 exclude (heads longer
// than needed, indefinite lengths, unsorted or repeated map keys, floats that a
// shorter form holds) and what the protocol excludes on top of them: tags,
// undefined and other simple values, integers outside int64, floats that are
// not finite, and text that is not valid UTF-8.
//
// A general library is not used here because these rules decide whether a
// change is refused: two implementations, and two versions of one, must agree
// on every byte, and checking must not allocate. The tests hold this package
// against github.com/fxamacker/cbor.
package dcbor
