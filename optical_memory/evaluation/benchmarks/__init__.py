"""Published benchmarks of memory over dialogue: their files, their questions, their scores. No data is bundled."""
