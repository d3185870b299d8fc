// Package chart draws prices over time into cells: lines, and a band between two of them.
//
// It is our own because a chart has to go through the same door as all that is shown: cells of [screen.Area], clipped,
// with 16 colours, attributes or ASCII alone, so that the painter writes no more than what changed. The libraries that
// there are for Bubble Tea render styled strings of their own (ntcharts by Lip Gloss), which could only be parsed again.
//
// So that a picture costs few bytes, the window moves by a quarter of its width at a time, and the scale changes only when
// a value leaves it or half of it is unused: most rounds add a column and nothing else.
package chart
