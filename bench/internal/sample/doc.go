// Package sample makes ledgers to measure with: people, what they might write, whole rooms, and the folders of a person who
// has one. All of it is a function of its arguments; the same call makes the same bytes.
package sample
