# Diversity of two embedded tables as phyloseq, vegan and ape compute it: the library is held to these values.
#
#   Rscript tests/reference/phyloseq_diversity.R tests/reference
#
# The tables are taken from the R packages themselves and not from data/embedded, so that an error of the
# export would show as well. Writes phyloseq_alpha_*.csv, phyloseq_beta_global_patterns.csv and
# phyloseq_versions.json.

suppressMessages({
  library(metagenomeSeq)
  library(phyloseq)
})

folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript phyloseq_diversity.R tests/reference")

data(mouseData)
data(GlobalPatterns)
mice <- otu_table(MRcounts(mouseData, norm = FALSE), taxa_are_rows = TRUE)

write_values <- function(frame, name) {
  numeric <- sapply(frame, is.numeric)
  frame[numeric] <- lapply(frame[numeric], sprintf, fmt = "%.15g")
  write.csv(frame, file.path(folder, name), row.names = FALSE, quote = FALSE)
}

richness <- function(table) {
  measures <- c("Observed", "Chao1", "ACE", "Shannon", "Simpson", "InvSimpson")
  values <- estimate_richness(table, measures = measures) # mangles the row names, keeps the order
  data.frame(sample_id = sample_names(table), values[measures], row.names = NULL)
}

# Faith's phylogenetic diversity: the branches that lead from the root to the features of each sample.
faith_pd <- function(table, tree) {
  tree <- ape::reorder.phylo(tree, "postorder")
  below <- matrix(FALSE, length(tree$tip.label) + tree$Nnode, ncol(table))
  below[seq_along(tree$tip.label), ] <- table[tree$tip.label, ] > 0
  for (edge in seq_len(nrow(tree$edge))) { # children come before their parents
    parent <- tree$edge[edge, 1]
    below[parent, ] <- below[parent, ] | below[tree$edge[edge, 2], ]
  }
  as.vector(tree$edge.length %*% below[tree$edge[, 2], ])
}

# ---- alpha ------------------------------------------------------------------------------------------------
counts <- as(otu_table(GlobalPatterns), "matrix")
global_alpha <- richness(GlobalPatterns)
global_alpha$FaithPD <- faith_pd(counts, phy_tree(GlobalPatterns))
write_values(global_alpha, "phyloseq_alpha_global_patterns.csv")

mice_alpha <- richness(mice)
rarefied <- vegan::rarefy(t(as(mice, "matrix")), 500, se = TRUE)
stopifnot(identical(colnames(rarefied), mice_alpha$sample_id))
mice_alpha$Rarefied500 <- rarefied["S", ]
mice_alpha$Rarefied500SE <- rarefied["se", ]
write_values(mice_alpha, "phyloseq_alpha_turnbaugh_mice.csv")

# ---- beta -------------------------------------------------------------------------------------------------
# phyloseq's UniFrac supposes a rooted tree with two children at every node (its issues 936 and 956).
stopifnot(ape::is.rooted(phy_tree(GlobalPatterns)), ape::is.binary(phy_tree(GlobalPatterns)))
distances <- list(
  braycurtis = vegan::vegdist(t(counts), "bray"),
  jaccard = vegan::vegdist(t(counts), "jaccard", binary = TRUE),
  unweighted_unifrac = UniFrac(GlobalPatterns, weighted = FALSE),
  weighted_unifrac = UniFrac(GlobalPatterns, weighted = TRUE, normalized = FALSE),
  weighted_normalized_unifrac = UniFrac(GlobalPatterns, weighted = TRUE, normalized = TRUE)
)
pairs <- combn(sample_names(GlobalPatterns), 2)
beta <- data.frame(sample_1 = pairs[1, ], sample_2 = pairs[2, ])
for (metric in names(distances)) beta[[metric]] <- as.matrix(distances[[metric]])[t(pairs)]
write_values(beta, "phyloseq_beta_global_patterns.csv")

versions <- c(
  list(made_by = "tests/reference/phyloseq_diversity.R", R = as.character(getRversion())),
  sapply(c("phyloseq", "metagenomeSeq", "vegan", "ape"), function(p) as.character(packageVersion(p)),
    simplify = FALSE)
)
jsonlite::write_json(versions, file.path(folder, "phyloseq_versions.json"), auto_unbox = TRUE, pretty = TRUE)
