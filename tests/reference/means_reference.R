# Reference values for tests/comparison/test_means_comparison.py, from base R, lme4 and nlme.
#
#   Rscript tests/reference/means_reference.R tests/reference
#
# Writes means_people.csv, means_mice.csv, means_crossover.csv, means_mixed_cages.csv (simulated here, no real
# data), means_sleep.csv (Student's sleep data, 1908, from base R's datasets) and means_reference.json.
# Made with R 4.2.2, lme4 1.1-31, nlme 3.1-162 and sandwich 3.0.2.
suppressMessages({library(lme4); library(nlme); library(jsonlite)})
folder <- commandArgs(trailingOnly = TRUE)
if (length(folder) != 1) stop("give the folder to write to: Rscript means_reference.R tests/reference")
save <- function(frame, name) write.csv(frame, file.path(folder, name), row.names = FALSE, quote = FALSE)
RNGversion("4.0.0"); set.seed(20)
ref <- list()

t_fields <- function(t, sign = 1) list(
  estimate = if (length(t$estimate) == 2) unname(t$estimate[1] - t$estimate[2]) else unname(t$estimate),
  se = t$stderr, df = unname(t$parameter), p = t$p.value, low = t$conf.int[1], high = t$conf.int[2])
lm_fields <- function(fit, term) {
  co <- coef(summary(fit))[term, ]; ci <- confint(fit, term)
  list(estimate = co[[1]], se = co[[2]], df = fit$df.residual, p = co[[4]], low = ci[1], high = ci[2])
}
# Least squares with HC2 standard error (sandwich), each arm with its own spread in Satterthwaite's df.
unpooled_fields <- function(fit, term) {
  x <- model.matrix(fit); e <- resid(fit); h <- hatvalues(fit); arm <- x[, term]
  rest <- diag(nrow(x)) - x %*% solve(crossprod(x)) %*% t(x)
  spread <- ave(e^2 / (1 - h), arm)
  w <- (x %*% solve(crossprod(x)))[, term] / sqrt(1 - h)
  form <- diag(w) %*% rest %*% diag(spread) %*% rest %*% diag(w)
  se <- sqrt(sandwich::vcovHC(fit, type = "HC2")[term, term]); df <- sum(diag(form))^2 / sum(form^2)
  estimate <- coef(fit)[[term]]; reach <- qt(.975, df) * se
  list(estimate = estimate, se = se, df = df, p = 2 * pt(-abs(estimate / se), df), low = estimate - reach,
       high = estimate + reach)
}
lmer_control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e5),
                            check.conv.singular = "ignore")
lmer_fields <- function(formula, data, term) {
  fit <- lmer(formula, data, REML = TRUE, control = lmer_control)
  co <- coef(summary(fit))[term, ]; v <- as.data.frame(VarCorr(fit))
  list(estimate = co[["Estimate"]], se = co[["Std. Error"]], reml = unname(getME(fit, "devcomp")$cmp["REML"]),
       groups = v$grp, sd = v$sdcor)
}
# Two one-sided tests against a margin, and the interval of level 1 - 2 alpha, from t.test itself.
tost <- function(x, y, margin, ...) {
  lower <- t.test(x, y, mu = -margin, alternative = "greater", ...)$p.value
  upper <- t.test(x, y, mu = margin, alternative = "less", ...)$p.value
  ci <- t.test(x, y, conf.level = .90, ...)$conf.int
  list(margin = margin, p_not_lower = lower, p_not_higher = upper, p = max(lower, upper), low = ci[1], high = ci[2])
}

# Student's sleep data: hours of extra sleep, two drugs, ten people.
save(data.frame(sample = paste0("s", 1:20), extra = sleep$extra, drug = sleep$group, person = sleep$ID),
     "means_sleep.csv")
one <- sleep$extra[sleep$group == 1]; two <- sleep$extra[sleep$group == 2]
ref$sleep <- list(
  welch = t_fields(t.test(two, one)),
  welch_less = t_fields(t.test(two, one, alternative = "less")),
  welch_greater = t_fields(t.test(two, one, alternative = "greater")),
  welch_tost = tost(two, one, 2.5),
  paired = t_fields(t.test(two, one, paired = TRUE)),
  paired_tost = tost(two, one, 2.5, paired = TRUE))

# People: 2 arms, two baselines (some one), one to three follow-ups; more of them in one arm.
subject <- sprintf("p%02d", 1:25); arm <- rep(c("saline", "toxin"), c(11, 14))
people <- do.call(rbind, lapply(1:25, function(i) {
  days <- c(if (i %% 4) -2, -1, sort(sample(c(14, 28, 56), 1 + i %% 3)))
  data.frame(subject = subject[i], arm = arm[i], day = days,
             own = rnorm(1, 0, .4), phase_own = ifelse(days > 0, rnorm(1, 0, .2), rnorm(1, 0, .2)))
}))
people$shannon <- round(3.4 + people$own + people$phase_own + .1 * (people$day > 0) -
  .35 * (people$day > 0 & people$arm == "toxin") + rnorm(nrow(people), 0, .3), 4)
people$sample <- sprintf("s%03d", seq_len(nrow(people)))
people <- people[c("sample", "subject", "arm", "day", "shannon")]
save(people, "means_people.csv")
people$post <- as.numeric(people$day > 0); people$toxin <- as.numeric(people$arm == "toxin")
after <- people[people$post == 1, ]; before <- people[people$post == 0, ]
wide <- data.frame(toxin = tapply(after$toxin, after$subject, mean),
                   after = tapply(after$shannon, after$subject, mean),
                   before = tapply(before$shannon, before$subject, mean))
wide$change <- wide$after - wide$before
log_wide <- tapply(log(after$shannon), after$subject, mean)
last <- aggregate(day ~ subject, after, min)
single <- people[paste(people$subject, people$day) %in% c(paste(subject, -1), paste(last$subject, last$day)), ]
ref$people <- list(
  welch_of_means = t_fields(with(wide, t.test(after[toxin == 1], after[toxin == 0]))),
  log = t_fields(t.test(log_wide[wide$toxin == 1], log_wide[wide$toxin == 0])),
  log_tost = tost(log_wide[wide$toxin == 1], log_wide[wide$toxin == 0], log(1.25)),
  ancova = lm_fields(lm(after ~ before + toxin, wide), "toxin"),
  ancova_welch = unpooled_fields(lm(after ~ before + toxin, wide), "toxin"),
  change = t_fields(with(wide, t.test(change[toxin == 1], change[toxin == 0]))),
  post_mixed = lmer_fields(shannon ~ toxin + (1 | subject), after, "toxin"),
  phase_mixed = lmer_fields(shannon ~ toxin * post + (1 | subject / post), people, "toxin:post"),
  single_mixed = lmer_fields(shannon ~ toxin * post + (1 | subject), single, "toxin:post"))
nlme_fit <- lme(shannon ~ toxin * post, random = ~ 1 | subject / post, data = people, method = "REML",
                control = lmeControl(tolerance = 1e-12, msTol = 1e-13, opt = "optim"))
ref$people$phase_nlme <- list(estimate = unname(fixef(nlme_fit)["toxin:post"]),
                              se = sqrt(vcov(nlme_fit)["toxin:post", "toxin:post"]))

# Mice: whole cages treated, unequal cages, baseline and one or two follow-ups a mouse.
cage_arm <- rep(c("saline", "toxin"), c(4, 5))
mice <- do.call(rbind, lapply(1:9, function(k) {
  cage_own <- rnorm(1, 0, .3)
  do.call(rbind, lapply(seq_len(1 + k %% 4), function(m) {
    days <- c(-1, 7, if ((k + m) %% 2) 14)
    data.frame(cage = paste0("c", k), mouse = paste0("c", k, "m", m), arm = cage_arm[k], day = days,
               shannon = 3 + cage_own + rnorm(1, 0, .25) - .3 * (days > 0 & cage_arm[k] == "toxin") +
                 rnorm(length(days), 0, .2))
  }))
}))
mice$shannon <- round(mice$shannon, 4); mice$sample <- sprintf("s%03d", seq_len(nrow(mice)))
save(mice[c("sample", "cage", "mouse", "arm", "day", "shannon")], "means_mice.csv")
mice$toxin <- as.numeric(mice$arm == "toxin")
mouse <- aggregate(shannon ~ cage + mouse + toxin, mice[mice$day > 0, ], mean)
mouse$before <- mice$shannon[mice$day < 0][match(mouse$mouse, mice$mouse[mice$day < 0])]
cages <- aggregate(cbind(shannon, before, toxin) ~ cage, mouse, mean)
treated <- cages$toxin == 1
ref$mice <- list(
  cage_means = t_fields(t.test(cages$shannon[treated], cages$shannon[!treated], var.equal = TRUE)),
  cage_tost = tost(cages$shannon[treated], cages$shannon[!treated], .5, var.equal = TRUE),
  cage_welch = t_fields(t.test(cages$shannon[treated], cages$shannon[!treated])),
  cage_ancova = lm_fields(lm(shannon ~ before + toxin, cages), "toxin"),
  cage_ancova_welch = unpooled_fields(lm(shannon ~ before + toxin, cages), "toxin"),
  cage_change = t_fields(with(cages, t.test((shannon - before)[treated], (shannon - before)[!treated],
                                            var.equal = TRUE))),
  cage_mixed = lmer_fields(shannon ~ toxin + (1 | cage / mouse), mice[mice$day > 0, ], "toxin"),
  cage_mixed_baseline = lmer_fields(shannon ~ before + toxin + (1 | cage), mouse, "toxin"))
# Whole cages rearranged in all choose(9, 5) = 126 ways, one lm each; p of a hypothetical difference by counting.
arrangements <- combn(9, 5)
permutation_p <- function(difference, covariate) {
  y <- cages$shannon - difference * cages$toxin
  t_of <- function(arm) {
    fit <- if (covariate) lm(y ~ cages$before + arm) else lm(y ~ arm)
    coef(summary(fit))["arm", "t value"]
  }
  seen <- t_of(cages$toxin)
  all <- apply(arrangements, 2, function(chosen) t_of(as.numeric(seq_len(9) %in% chosen)))
  c(two_sided = mean(abs(all) >= abs(seen) - 1e-9), less = mean(all <= seen + 1e-9),
    greater = mean(all >= seen - 1e-9))
}
differences <- c(-.9, -.5, -.25, 0, .2, .5)
ref$mice$permutation <- list(
  differences = differences,
  plain = lapply(c("two_sided", "less", "greater"), function(k) sapply(differences, function(d) permutation_p(d, FALSE)[[k]])),
  ancova = lapply(c("two_sided", "less", "greater"), function(k) sapply(differences, function(d) permutation_p(d, TRUE)[[k]])))

# Cross-over: two conditions a person, one to three samples in each; three people with one condition only.
cross <- do.call(rbind, lapply(1:16, function(i) {
  own <- rnorm(1, 0, .5)
  conditions <- if (i > 13) "before" else c("before", "after")
  do.call(rbind, lapply(conditions, function(k) data.frame(person = sprintf("q%02d", i), condition = k,
    marker = round(own + 5 + rnorm(1, 0, .2) + .25 * (k == "after") + rnorm(1 + (i + nchar(k)) %% 3, 0, .3), 4))))
}))
cross$sample <- sprintf("s%03d", seq_len(nrow(cross)))
save(cross[c("sample", "person", "condition", "marker")], "means_crossover.csv")
cell <- tapply(cross$marker, list(cross$person, cross$condition), mean)
cross$after <- as.numeric(cross$condition == "after")
ref$crossover <- list(
  paired = t_fields(t.test(cell[1:13, "after"], cell[1:13, "before"], paired = TRUE)),
  mixed = lmer_fields(marker ~ after + (1 | person / after), cross, "after"))

# Arms mixed within cages.
mixed <- data.frame(mouse = sprintf("m%02d", 1:14), cage = rep(c("c1", "c2", "c3", "c4"), c(4, 3, 5, 2)))
mixed$arm <- c("saline", "toxin")[1 + c(0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1)]
mixed$before <- round(rnorm(14, 3, .3), 4)
mixed$after <- round(1 + .6 * mixed$before + c(.4, -.2, .1, -.3)[match(mixed$cage, unique(mixed$cage))] -
  .3 * (mixed$arm == "toxin") + rnorm(14, 0, .2), 4)
save(mixed, "means_mixed_cages.csv")
mixed$toxin <- as.numeric(mixed$arm == "toxin")
ref$mixed_cages <- list(blocked = lm_fields(lm(after ~ cage + toxin, mixed), "toxin"),
                        blocked_baseline = lm_fields(lm(after ~ cage + before + toxin, mixed), "toxin"))

ref$versions <- list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                     nlme = as.character(packageVersion("nlme")))
write_json(ref, file.path(folder, "means_reference.json"), auto_unbox = TRUE, digits = NA, pretty = TRUE)
