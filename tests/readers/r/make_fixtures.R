# Writes the small R files that the tests of the phyloseq reader open. Run in this folder:
#   Rscript make_fixtures.R
# R 4.2, phyloseq, Biostrings and metagenomeSeq (Debian: r-bioc-phyloseq, r-bioc-metagenomeseq).
suppressPackageStartupMessages({
  library(phyloseq)
  library(metagenomeSeq)
})
counts <- matrix(c(5L, 0L, 2L, 1L, 7L, 0L, 3L, 3L, 9L, 0L, 0L, 4L), nrow = 3,
                 dimnames = list(c("s1", "s2", "s3"), c("a", "b", "c", "d_1")))
samples <- data.frame(arm = factor(c("drug", "none", NA)), age = c(7L, NA, 9L), weight = c(20.5, 21, NA),
                      caged = c(TRUE, FALSE, NA), note = c("x", NA, "y"), row.names = rownames(counts))
lineages <- matrix(c("Bacteria", "Bacteria", "Bacteria", "Archaea", "Firmicutes", "Bacteroidetes", NA, ""),
                   nrow = 4, dimnames = list(colnames(counts), c("Kingdom", "Phylum")))
tree <- ape::read.tree(text = "((a:1,b:2)x:0.5,(c:1,'d_1':1.5):0.25);")
whole <- phyloseq(otu_table(counts, taxa_are_rows = FALSE), sample_data(samples), tax_table(lineages),
                  phy_tree(tree))
saveRDS(whole, "phyloseq.rds", version = 3)
turned <- phyloseq(otu_table(t(counts), taxa_are_rows = TRUE), sample_data(samples))
saveRDS(otu_table(turned), "otu_table.rds", version = 2, compress = "xz")
saveRDS(counts, "matrix.rds", compress = FALSE)
saveRDS(counts, "matrix_ascii.rds", ascii = TRUE, compress = FALSE)
save(whole, turned, samples, file = "two.RData")
saveRDS(samples, "data_frame.rds")
sequences <- Biostrings::DNAStringSet(c(a = "ACGT", b = "ACGA", c = "ACGC", d_1 = "ACGG"))
saveRDS(merge_phyloseq(whole, sequences), "refseq.rds")
saveRDS(newMRexperiment(t(counts)), "mrexperiment.rds", compress = "xz")
